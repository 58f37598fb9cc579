using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Relay.Mail.Bounces;
using Relay.Mail.Queue;
using Relay.Redis.Connections;
using Relay.Redis.Queue;
using Relay.Redis.Records;
using Relay.Redis.Telemetry;
using StackExchange.Redis;

namespace Relay.Redis.Administration;

/// <summary>
/// Does what is asked of the partitions that this node owns: of each ask one bounded piece after the other, in turns, so
/// that a cancel never waits behind the bounce of a million.
/// </summary>
internal sealed class AskWorker(
    Store store,
    Window window,
    SettleWriter settles,
    Bell bell,
    IEnumerable<IDeliveryDesk> desks,
    RedisMetrics metrics,
    TimeProvider time,
    ILogger<AskWorker> logger,
    IFailureReports? reports = null)
{
    private const int AsksAtOnce = 32;

    // How long something asked on another node may wait unseen, when its ring was lost.
    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(1);

    // Until what is in flight may have come back.
    private static readonly TimeSpan Waiting = TimeSpan.FromMilliseconds(50);

    private readonly Dictionary<(Partition Partition, RedisValue Entry), AskRun> _runs = [];
    private readonly Trouble _trouble = new();

    public async Task RunAsync(CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            var asked = bell.Asked.Next;
            var wait = Idle;
            await _trouble.TryAsync(async () => wait = await WorkAsync());
            if (_trouble.Take() is { } reason)
            {
                logger.AsksUnread(reason);
            }

            if (wait > TimeSpan.Zero)
            {
                await asked.WaitAsync(wait, time, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    // Returns how long there is nothing to do.
    private async Task<TimeSpan> WorkAsync()
    {
        var lists = new ConcurrentDictionary<Partition, RedisValue[]>();
        await Task.WhenAll(store.Partitions.Where(p => p.IsOwned).Select(p => _trouble.TryAsync(async () =>
            lists[p] = await store.Connections.Background.ListRangeAsync(p.Keys.Asks, 0, AsksAtOnce - 1).InTimeAsync())));
        var open = lists.SelectMany(list => list.Value.Select(entry => (partition: list.Key, entry))).ToHashSet();

        // What is asked of a partition on a shard that is away goes on when that is back.
        foreach (var (key, run) in _runs.Where(run => !open.Contains(run.Key) && (lists.ContainsKey(run.Key.Partition) || !run.Key.Partition.IsOwned)).ToList())
        {
            run.End();
            _runs.Remove(key);
        }

        var steps = await Task.WhenAll(open.GroupBy(e => e.partition, e => e.entry).Select(p => StepAsync(p.Key, p)));
        return steps.DefaultIfEmpty(AskPace.Idle).Max() switch
        {
            AskPace.Busy => TimeSpan.Zero,
            AskPace.Waiting => Waiting,
            _ => Idle,
        };
    }

    private async Task<AskPace> StepAsync(Partition partition, IEnumerable<RedisValue> entries)
    {
        var pace = AskPace.Idle;
        foreach (var entry in entries)
        {
            var step = partition.IsOwned && RunOf(partition, entry) is { } run ? await StepAsync(partition, run) : AskPace.Idle;
            pace = step > pace ? step : pace;
        }

        return pace;
    }

    private async Task<AskPace> StepAsync(Partition partition, AskRun run)
    {
        try
        {
            var before = run.Units;
            var pace = await run.StepAsync();
            metrics.Asked(run.Kind, run.Units - before);
            if (pace != AskPace.Waiting)
            {
                bell.Ring(bell.Answered);
            }

            return pace;
        }
        catch (Exception e) when (!StoreFailure.Covers(e) && e is not StoreUnavailableException)
        {
            // A mistake of ours must not keep what else is asked from being done; this one is tried again.
            logger.AskFailed(partition.Number, e);
            return AskPace.Idle;
        }
    }

    private AskRun? RunOf(Partition partition, RedisValue entry)
    {
        lock (_runs)
        {
            if (_runs.TryGetValue((partition, entry), out var run))
            {
                return run;
            }

            try
            {
                var ask = JsonSerializer.Deserialize(((ReadOnlyMemory<byte>)entry).Span, RecordJson.Default.QueueAsk)
                    ?? throw new JsonException("the ask is null");
                logger.AskBegun(ask.Kind, partition.Number, ask.By, ask.Reason);
                return _runs[(partition, entry)] = new AskRun(ask, entry, partition, store, window, settles, desks, reports, time);
            }
            catch (JsonException e)
            {
                logger.AskUnreadable(partition.Number, e);
                return null;
            }
        }
    }
}

/// <summary>How soon there may be more to do.</summary>
internal enum AskPace
{
    Idle,

    /// <summary>Something in flight has to come back first.</summary>
    Waiting,

    Busy,
}
