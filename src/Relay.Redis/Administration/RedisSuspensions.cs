using System.Text.Json;
using Microsoft.Extensions.Logging;
using Relay.Mail.Queue;
using Relay.Redis.Connections;
using Relay.Redis.Keys;
using Relay.Redis.Queue;
using Relay.Redis.Records;
using Relay.Redis.Telemetry;
using StackExchange.Redis;

namespace Relay.Redis.Administration;

/// <summary>
/// The suspensions as documents in one hash, whose field <c>version</c> grows with each change: every node looks at that
/// number when it hears of one, and often without, and at the documents only when it grew. What is over is left out by the clock of each node.
/// </summary>
internal sealed class RedisSuspensions(
    Store store, Window window, IEnumerable<IDeliveryDesk> desks, Bell bell, RedisMetrics metrics, TimeProvider time, ILogger<RedisSuspensions> logger) : ISuspensions
{
    private const string VersionField = "version";

    // They are for people, who look after a dozen; a script that adds without end is stopped before it costs anything.
    private const int Most = 1_000;

    // A change elsewhere is to take effect within a second also when its ring was lost; one small read costs nothing.
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Remembered = TimeSpan.FromHours(1);

    private readonly SemaphoreSlim _reading = new(1);
    private IReadOnlyList<Suspension> _known = [];
    private long? _version;
    private volatile SuspensionSnapshot _current = SuspensionSnapshot.None;

    public SuspensionSnapshot Current => _current;

    public event Action? Changed;

    private IDatabase Database => store.Connections.Reading;

    public async Task RunAsync(CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            var changed = bell.Suspended.Next;
            try
            {
                var version = (long?)await Database.HashGetAsync(StoreKeys.Suspensions, VersionField).InTimeAsync(cancellation);
                if (version != _version)
                {
                    await ReadAsync(cancellation);
                }

                await EndThoseOverAsync(cancellation);
            }
            catch (Exception e) when (StoreFailure.Covers(e) || e is StoreUnavailableException)
            {
                logger.SuspensionsUnread(StoreFailure.Of(e).Reason);
            }

            await changed.WaitAsync(UntilNextLook(), time, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Takes up what the store has now.</summary>
    public async Task ReadAsync(CancellationToken cancellation)
    {
        await _reading.WaitAsync(cancellation);
        try
        {
            var fields = await StoreFailure.TranslateAsync(Database.HashGetAllAsync(StoreKeys.Suspensions), cancellation);
            _version = (long?)fields.FirstOrDefault(f => f.Name == VersionField).Value;
            _known = [.. fields.Where(f => f.Name != VersionField).Select(Read).OfType<Suspension>().OrderBy(s => s.CreatedAt)];
            Apply();
        }
        finally
        {
            _reading.Release();
        }
    }

    public async ValueTask<IReadOnlyList<Suspension>> ListAsync(CancellationToken cancellation)
    {
        await ReadAsync(cancellation);
        return Current.Items;
    }

    public async ValueTask<bool> TryAddAsync(Suspension suspension, CancellationToken cancellation)
    {
        if (await StoreFailure.TranslateAsync(Database.HashLengthAsync(StoreKeys.Suspensions), cancellation) > Most)
        {
            return false;
        }

        var step = Database.CreateTransaction();
        _ = step.HashSetAsync(StoreKeys.Suspensions, suspension.Id, JsonSerializer.SerializeToUtf8Bytes(suspension, RecordJson.Default.Suspension));
        _ = step.HashIncrementAsync(StoreKeys.Suspensions, VersionField);
        await StoreFailure.TranslateAsync(step.RunAsync(), cancellation);
        await ReadAsync(cancellation);
        bell.Ring(bell.Suspended);
        return true;
    }

    public async ValueTask<bool> RemoveAsync(string id, CancellationToken cancellation)
    {
        if (id == VersionField)
        {
            return false;
        }

        var step = Database.CreateTransaction();
        var removed = step.HashDeleteAsync(StoreKeys.Suspensions, id);
        _ = step.HashIncrementAsync(StoreKeys.Suspensions, VersionField);
        await StoreFailure.TranslateAsync(step.RunAsync(), cancellation);
        await ReadAsync(cancellation);
        bell.Ring(bell.Suspended);
        return await removed;
    }

    private TimeSpan UntilNextLook()
    {
        var now = time.GetUtcNow();
        var end = Current.Items.Min(s => s.Until) - now;
        return end is { } left && left < Look ? (left > TimeSpan.FromMilliseconds(1) ? left : TimeSpan.FromMilliseconds(1)) : Look;
    }

    private async Task EndThoseOverAsync(CancellationToken cancellation)
    {
        var now = time.GetUtcNow();
        if (Current.Items.Any(s => s.IsOver(now)))
        {
            await _reading.WaitAsync(cancellation);
            Apply();
            _reading.Release();
        }

        // Much later, so that a node whose clock is fast does not end it for the others.
        RedisValue[] forgotten = [.. _known.Where(s => s.IsOver(now - Remembered)).Select(s => (RedisValue)s.Id)];
        if (forgotten.Length > 0)
        {
            await Database.HashDeleteAsync(StoreKeys.Suspensions, forgotten).InTimeAsync();
            await ReadAsync(cancellation);
        }
    }

    private void Apply()
    {
        var now = time.GetUtcNow();
        var before = _current;
        var items = _known.Where(s => !s.IsOver(now)).ToList();
        if (items.SequenceEqual(before.Items))
        {
            return;
        }

        _current = new SuspensionSnapshot(items);
        metrics.Suspensions(items.Count);
        window.Suspend(_current);
        GiveBackSuspended(_current);
        if (before.Items.Except(items).Any())
        {
            foreach (var partition in store.Partitions)
            {
                partition.Look.FromTheStart();
            }

            window.WakeRefill();
        }

        Changed?.Invoke();
    }

    // Leased and not begun: it would take room that others want for as long as its hosts are slow.
    private void GiveBackSuspended(SuspensionSnapshot suspended)
    {
        foreach (var desk in suspended.Items.Count > 0 ? desks : [])
        {
            desk.GiveBack(lease => suspended.Find(lease.Unit.Lane, lease.Id.Message) is not null);
        }
    }

    private Suspension? Read(HashEntry field)
    {
        try
        {
            return JsonSerializer.Deserialize(((ReadOnlyMemory<byte>)field.Value).Span, RecordJson.Default.Suspension);
        }
        catch (JsonException e)
        {
            logger.SuspensionUnreadable(field.Name.ToString(), e);
            return null;
        }
    }
}
