using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis.Connections;
using Relay.Redis.Records;
using StackExchange.Redis;

namespace Relay.Redis.Queue;

/// <summary>Reads due units back from the store, lane by lane, where the window has room and asks for them.</summary>
internal sealed class Refiller(
    Store store, Window window, LaneSearch search, LowerBounds bounds, Aside aside, IOptions<StoreOptions> options, TimeProvider time, ILogger<Refiller> logger)
{
    private const int UnitsPerRead = 32;

    // Records of at most 256 KiB are read so many at once: some megabytes before the window is asked whether it has room.
    private const int LanesPerRound = 8;
    private const int RecordsPerRead = 8;
    private const int QuietAtOnce = 1_000;
    private static readonly TimeSpan Tidying = TimeSpan.FromSeconds(1);

    // Nothing waits for it, so a store that refuses is left alone.
    private static readonly TimeSpan TidyingAgain = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly Trouble _trouble = new();

    // Entries whose record was not there: when that was first seen, and whether it was looked for again since.
    private readonly ConcurrentDictionary<UnitId, (DateTimeOffset Seen, bool LookedAgain)> _missing = new();

    public async Task RunAsync(CancellationToken cancellation)
    {
        var tidyAt = time.GetUtcNow() + Tidying;
        while (!cancellation.IsCancellationRequested)
        {
            var hunger = window.Hunger;
            var wait = Tidying;
            var began = time.GetUtcNow();
            aside.BeginReads();
            await search.LookAsync(_trouble, cancellation);
            LookAgainAtMissing();

            if (time.GetUtcNow() >= tidyAt)
            {
                tidyAt = time.GetUtcNow() + TidyingAgain;
                var quiet = window.TakeQuiet(QuietAtOnce);
                if (await _trouble.TryAsync(() => bounds.RaiseAsync(quiet)))
                {
                    tidyAt = time.GetUtcNow() + (quiet.Count == QuietAtOnce && window.IsCrowded ? TimeSpan.Zero : Tidying);
                }
            }

            var (shares, nextDue) = window.TakeHungry(LanesPerRound);
            await Task.WhenAll(shares.Select(share => _trouble.TryAsync(() => RefillAsync(share, cancellation))));
            if (_trouble.Take() is { } reason)
            {
                logger.RefillFailed(reason);
                hunger = Task.Delay(Pause, time, cancellation);
            }
            else if (shares.Count > 0)
            {
                continue;
            }
            else
            {
                wait = WaitUntil(Math.Min(nextDue, tidyAt.ToUnixTimeMilliseconds()));
            }

            // A clock that jumped meanwhile, as tests make it, would else be waited for once more.
            wait = time.GetUtcNow() - began < wait ? wait : TimeSpan.Zero;
            await hunger.WaitAsync(wait, time, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private TimeSpan WaitUntil(long nextDue)
    {
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        nextDue = Math.Min(nextDue, search.NextLook);
        foreach (var (seen, lookedAgain) in _missing.Values)
        {
            if (!lookedAgain)
            {
                nextDue = Math.Min(nextDue, (seen + options.Value.Queue.MissingRecordGrace).ToUnixTimeMilliseconds());
            }
        }

        // At least a millisecond, since due times are cut to it.
        return TimeSpan.FromMilliseconds(Math.Clamp(nextDue - now, 1, (long)Tidying.TotalMilliseconds));
    }

    private async Task RefillAsync(LaneShare share, CancellationToken cancellation)
    {
        var failed = true;
        IReadOnlyList<UnitId> found = [];
        try
        {
            var count = window.BeginRefill(share, UnitsPerRead);
            var key = share.Partition.Keys.Lane(share.Turn.Lane);
            var entries = await store.Connections.Reading
                .SortedSetRangeByScoreWithScoresAsync(key, take: count, flags: StoreConnections.FromPrimary)
                .InTimeAsync(cancellation);

            var readable = new List<(UnitId, long)>(entries.Length);
            foreach (var entry in entries)
            {
                if (UnitId.TryParse(entry.Element, out var id))
                {
                    readable.Add((id, (long)entry.Score));
                }
                else
                {
                    SetAside(share, entry.Element.ToString(), "the entry is not a unit");
                }
            }

            found = window.Found(share, readable, complete: entries.Length < count, UnitsPerRead);
            await LoadAsync(share, found, cancellation);
            failed = false;
        }
        catch (Exception e) when (StoreFailure.Covers(e) || e is OperationCanceledException)
        {
            foreach (var id in found)
            {
                window.TryLookAgain(id);
            }

            throw;
        }
        finally
        {
            window.EndRefill(share, failed);
        }
    }

    private async Task LoadAsync(LaneShare share, IReadOnlyList<UnitId> found, CancellationToken cancellation)
    {
        var hasRoom = true;
        foreach (var part in found.Chunk(RecordsPerRead))
        {
            if (hasRoom)
            {
                hasRoom = await LoadPartAsync(share, part, cancellation);
            }
            else
            {
                Array.ForEach(part, id => window.TryLookAgain(id));
            }
        }
    }

    // False when the window has no more room.
    private async Task<bool> LoadPartAsync(LaneShare share, UnitId[] found, CancellationToken cancellation)
    {
        var keys = share.Partition.Keys;
        MessageId[] messages = [.. found.Select(id => id.Message).Distinct()];
        RedisKey[] wanted = [.. messages.Select(keys.Message), .. found.Select(keys.Unit)];
        var values = await store.Connections.Reading.StringGetAsync(wanted, StoreConnections.FromPrimary).InTimeAsync(cancellation);

        var hasRoom = true;
        for (var i = 0; i < found.Length; i++)
        {
            var id = found[i];
            var record = values[Array.IndexOf(messages, id.Message)];
            if (record.IsNull)
            {
                NoRecord(share, id);
            }
            else if (TryReadLease(share.Partition, id, record, values[messages.Length + i], out var lease, out var problem))
            {
                _missing.TryRemove(id, out _);
                hasRoom &= window.TryLoad(share, lease);
            }
            else
            {
                window.Hide(id);
                SetAside(share, id.ToString(), problem);
            }
        }

        return hasRoom;
    }

    /// <summary>What stands in a unit's record and state, as a lease of the partition's present term. False when they cannot be read.</summary>
    public static bool TryReadLease(Partition partition, UnitId id, ReadOnlyMemory<byte> record, ReadOnlyMemory<byte> state, out Lease lease, out string problem)
    {
        lease = null!;
        if (!MessageRecord.TryRead(id.Message, record, out var message, out problem))
        {
            return false;
        }

        var units = Unit.Of(message);
        if (id.Number >= units.Count)
        {
            problem = $"the message has {units.Count} units";
            return false;
        }

        try
        {
            var read = state.IsEmpty ? null : JsonSerializer.Deserialize(state.Span, RecordJson.Default.UnitState);
            lease = new Lease { Unit = units[id.Number], Message = message, State = read, Term = partition.Term };
            if (partition.Dots.UnheardBefore(lease) is { } unheard)
            {
                lease = lease with { Unheard = unheard };
            }

            return true;
        }
        catch (JsonException e)
        {
            problem = $"the unit's state is broken: {e.Message}";
            return false;
        }
    }

    // The record may be on its way still; an entry is never dropped.
    private void NoRecord(LaneShare share, UnitId id)
    {
        var now = time.GetUtcNow();
        window.Hide(id);
        if (_missing.TryAdd(id, (now, false)))
        {
            logger.RecordMissing(id.ToString());
        }
        else if (_missing.TryGetValue(id, out var missing) && now - missing.Seen >= options.Value.Queue.MissingRecordGrace)
        {
            _missing.TryRemove(id, out _);
            SetAside(share, id.ToString(), "the record is missing");
        }
    }

    private void LookAgainAtMissing()
    {
        var grace = options.Value.Queue.MissingRecordGrace;
        var due = time.GetUtcNow() - grace;
        foreach (var (id, missing) in _missing)
        {
            if (missing.LookedAgain ? missing.Seen <= due - grace : missing.Seen <= due && !window.TryLookAgain(id))
            {
                // Another's by now, or not in the queue any more.
                _missing.TryRemove(id, out _);
            }
            else if (missing.Seen <= due)
            {
                _missing[id] = missing with { LookedAgain = true };
            }
        }
    }

    private void SetAside(LaneShare share, string unit, string reason) => aside.Set(share.Partition, share.Turn.Lane.ToString(), unit, reason);
}
