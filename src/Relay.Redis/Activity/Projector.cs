using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Relay.Mail.Crashing;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Mail.Suppressions;
using Relay.Redis.Connections;
using Relay.Redis.Queue;
using Relay.Redis.Records;
using Relay.Redis.Statistics;
using Relay.Redis.Steps;
using Relay.Redis.Telemetry;
using Relay.Redis.Webhooks;
using Relay.Smtp.Addresses;
using StackExchange.Redis;

namespace Relay.Redis.Activity;

/// <summary>
/// Turns the outbox into activity, in unhurried batches: readers look into the outbox too, so nobody waits for it. On
/// the way it learns of mail that other nodes accepted into our partitions, and of accepts that we had given up.
/// </summary>
internal sealed class Projector(
    Store store, Window window, Canceller canceller, ISuppressionStore suppressions, WebhookArrivals webhooks, WebhookBounds bounds, RedisMetrics metrics, IOptions<StoreOptions> options, TimeProvider time, ILogger<Projector> logger)
{
    private const int EntriesPerPartition = 512;
    private const int ForgottenPerStep = 256;

    // While there is work: long enough for a good batch, short enough that the outbox stays small to read.
    private static readonly TimeSpan Busy = TimeSpan.FromMilliseconds(100);

    // While there is none: how long mail accepted by another node may wait unseen.
    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(1);

    // A store that refuses is not asked more often than a step that waits for it asks.
    private static readonly TimeSpan Refused = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Forgetting = TimeSpan.FromMinutes(1);

    public Task RunAsync(CancellationToken cancellation) =>
        Task.WhenAll(store.Partitions.GroupBy(store.StepGroupOf).Select(group => RunAsync([.. group], cancellation)));

    private async Task RunAsync(IReadOnlyList<Partition> group, CancellationToken cancellation)
    {
        var forgotten = time.GetUtcNow();
        while (!cancellation.IsCancellationRequested)
        {
            var wait = Idle;
            var owned = group.Where(p => p.IsOwned).ToList();
            try
            {
                var projected = await ProjectAsync(owned);
                wait = projected >= EntriesPerPartition ? TimeSpan.Zero : projected > 0 ? Busy : Idle;
                if (time.GetUtcNow() - forgotten >= Forgetting)
                {
                    forgotten = time.GetUtcNow();
                    await ForgetAsync(owned, cancellation);
                }
            }
            catch (Exception e) when (StoreFailure.Covers(e) || e is StoreUnavailableException)
            {
                logger.ProjectFailed(StoreFailure.Of(e).Reason);
                wait = Refused;
            }

            if (wait > TimeSpan.Zero)
            {
                await Task.Delay(wait, time, cancellation);
            }
        }
    }

    // Returns the most entries taken from one partition.
    private async Task<int> ProjectAsync(List<Partition> partitions)
    {
        var database = store.Connections.Background;
        var outboxes = await Task.WhenAll(partitions.Select(p => database.ListRangeAsync(p.Keys.Outbox, 0, EntriesPerPartition - 1, StoreConnections.FromPrimary))).InTimeAsync();
        var work = partitions.Zip(outboxes).Where(pair => pair.Second.Length > 0).ToList();
        if (work.Count == 0)
        {
            return 0;
        }

        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        var step = database.CreateTransaction();
        var arrivals = new List<(Partition, EventRecord)>();
        var suppressed = new List<(string, Suppression)>();
        var hooked = new List<(Partition, IReadOnlyList<WebhookArrival>)>();
        var isAnyNews = canceller.HasForgotten;
        foreach (var (partition, outbox) in work)
        {
            var events = Read(partition, outbox, step, suppressed);
            partition.Projected.AddTo(step, partition.Keys.Projected);
            ProjectStep.Add(step, partition.Keys, events, outbox.Length, now);
            if (await webhooks.FindAsync(database, partition, events) is { Count: > 0 } found)
            {
                WebhookArrivals.Add(step, partition, found, now);
                hooked.Add((partition, found));
            }

            arrivals.AddRange(events.Where(e => isAnyNews || e.Node != store.Mark).Select(e => (partition, e)));
            events.ForEach(e => canceller.Came(e.Message));
        }

        // Before the events leave the outbox: what is done twice changes nothing, what is not done would be forgotten.
        foreach (var account in suppressed.GroupBy(each => each.Item1, each => each.Item2))
        {
            await suppressions.AddAsync(account.Key, [.. account], CancellationToken.None);
        }

        // Before it too, since a step may be done though nobody is told: to look twice for what has arrived does no harm.
        foreach (var (partition, arrival) in arrivals)
        {
            Announce(partition, arrival);
        }

        CrashPoints.Pass(CrashPoint.BeforeEvent);
        try
        {
            if (await step.RunAsync())
            {
                foreach (var (partition, _) in work)
                {
                    partition.Projected = partition.Projected.Next;
                }
            }
            else
            {
                await CatchUpAsync(database, work.Select(w => w.First));
            }
        }
        catch (Exception e) when (StoreFailure.Covers(e) && !StoreFailure.Of(e).IsCertain)
        {
            await CatchUpAsync(database, work.Select(w => w.First));
        }
        finally
        {
            // Behind it, or they would be looked for before they are there; and also when nobody knows whether it was done.
            hooked.ForEach(each => webhooks.Announce(each.Item1, each.Item2));
        }

        return work.Max(w => w.Second.Length);
    }

    private List<EventRecord> Read(Partition partition, RedisValue[] outbox, ITransaction step, List<(string, Suppression)> suppressed)
    {
        var events = new List<EventRecord>(outbox.Length);
        var tally = new Tally();
        foreach (var entry in outbox)
        {
            ReadOnlyMemory<byte> octets = entry;
            if (EventRecord.TryRead(octets, out var record) && record.TryReadKind(out var type, out var happened))
            {
                events.Add(record);
                tally.Add(record, type, happened);
                if (Suppression.MayFollow(type) && TryReadSuppression(partition, record) is { } suppression)
                {
                    suppressed.Add((record.Account, suppression));
                }
            }
            else
            {
                metrics.SetAside();
                logger.UnreadableEvent(partition.Number, octets.Length);
                _ = step.ListRightPushAsync(partition.Keys.Unreadable, entry, When.Always, CommandFlags.FireAndForget);
            }
        }

        tally.AddTo(step, partition.Keys);
        return events;
    }

    private Suppression? TryReadSuppression(Partition partition, EventRecord record)
    {
        try
        {
            return Suppression.From(record.Read());
        }
        catch (JsonException)
        {
            logger.UnreadableEvent(partition.Number, record.Json.Length);
            return null;
        }
    }

    // The step may have been done though its answer was not seen; then the outbox is shorter now, and is read anew.
    private async Task CatchUpAsync(IDatabase database, IEnumerable<Partition> partitions)
    {
        foreach (var partition in partitions)
        {
            var now = Fence.Parse(await database.StringGetAsync(partition.Keys.Projected, StoreConnections.FromPrimary).InTimeAsync());
            if (now.Epoch == partition.Projected.Epoch)
            {
                partition.Projected = now;
            }
            else if (partition.IsOwned)
            {
                partition.Lose();
                window.Drop(partition);
                logger.ProjectFenced(partition.Number);
            }
        }
    }

    private void Announce(Partition partition, EventRecord record)
    {
        try
        {
            if (record.Read() is { Type: MailEventType.Accepted, Summary: { } summary } accepted)
            {
                var due = (summary.SendAt > accepted.Time ? summary.SendAt.Value : accepted.Time).ToUnixTimeMilliseconds();
                foreach (var domain in summary.Recipients.Select(r => EnvelopeAddress.Parse(r).Domain).Distinct())
                {
                    window.Arrived(partition, new Lane(domain, accepted.Account, summary.Class), due);
                }
            }
        }
        catch (Exception e) when (e is JsonException or FormatException)
        {
            logger.UnreadableEvent(partition.Number, record.Json.Length);
        }
    }

    /// <summary>Forgets what ended long ago, and the oldest when there is too much of it.</summary>
    private async Task ForgetAsync(List<Partition> partitions, CancellationToken cancellation)
    {
        var before = (time.GetUtcNow() - options.Value.Queue.ActivityKept).ToUnixTimeMilliseconds();
        var most = Math.Max(1, options.Value.Queue.ActivityMessages / store.Partitions.Count);
        var database = store.Connections.Background;
        foreach (var partition in partitions)
        {
            while (!cancellation.IsCancellationRequested)
            {
                var old = await database.SortedSetRangeByScoreAsync(partition.Keys.Ended, double.NegativeInfinity, before, take: ForgottenPerStep).InTimeAsync();
                if (old.Length == 0)
                {
                    var surplus = Math.Min(await database.SortedSetLengthAsync(partition.Keys.Ended).InTimeAsync() - most, ForgottenPerStep);
                    old = surplus > 0 ? await database.SortedSetRangeByRankAsync(partition.Keys.Ended, 0, surplus - 1).InTimeAsync() : [];
                }

                if (old.Length == 0)
                {
                    break;
                }

                var step = database.CreateTransaction();
                foreach (var ended in old)
                {
                    if (!ProjectStep.AddForget(step, partition.Keys, ended))
                    {
                        metrics.SetAside();
                        logger.UnreadableEnd(ended.ToString(), partition.Number);
                    }
                }

                var lost = await bounds.AddForgottenAsync(database, step, partition, old);
                await step.RunAsync();
                bounds.Tell(lost);
            }
        }
    }
}
