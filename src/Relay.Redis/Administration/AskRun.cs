using System.Text.Json;
using Relay.Mail.Bounces;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis.Queue;
using Relay.Redis.Records;
using Relay.Redis.Steps;
using StackExchange.Redis;

namespace Relay.Redis.Administration;

/// <summary>
/// One thing asked of one partition, done piece by piece. It holds nothing that a successor could not find again: units
/// that ended are gone from their lanes, and the ask leaves its list in the step that does the last of it.
/// </summary>
internal sealed class AskRun(
    QueueAsk ask,
    RedisValue entry,
    Partition partition,
    Store store,
    Window window,
    SettleWriter settles,
    IEnumerable<IDeliveryDesk> desks,
    IFailureReports? reports,
    TimeProvider time)
{
    // One settling step; their contents in memory are bounded too.
    private const int UnitsAtOnce = 500;
    private const long OctetsAtOnce = 16 * 1024 * 1024;

    // Lanes still to be gone through; null before the first look.
    private Queue<Lane>? _lanes;

    // Lanes with something in flight: gone through again.
    private readonly HashSet<Lane> _again = [];

    // Units seen in flight.
    private readonly HashSet<UnitId> _awaited = [];

    // Of the lane at the head: entries to read past, and how many of those put off are left to retry.
    private int _skip;
    private long? _left;
    private long? _units;

    private IDatabase Database => store.Connections.Background;

    /// <summary>Does the next piece.</summary>
    public async Task<AskPace> StepAsync(CancellationToken cancellation)
    {
        _units ??= await ReadProgressAsync();
        return ask.Selector.Message is { } message ? await MessageAsync(message)
            : ask.Kind == AskKind.Retry ? await LanesAsync(RetryLaneAsync, cancellation)
            : await LanesAsync(EndLaneAsync, cancellation);
    }

    /// <summary>It is done, or another's business: what waits for us in flight need wait no longer.</summary>
    public void End() => window.Unclaim(_awaited);

    private async Task<AskPace> MessageAsync(MessageId message)
    {
        var waiting = await UnitEntries.OfMessageAsync(Database, partition.Keys, message);
        var meant = waiting.Where(u => ask.Selector.Covers(u.Lane, message)).ToList();
        if (ask.Kind == AskKind.Retry)
        {
            foreach (var domain in meant.Select(u => u.Lane.Domain).Distinct())
            {
                TryAgain(domain);
            }

            await RetryAsync(await PutOffAsync(meant), isDone: true);
            return AskPace.Idle;
        }

        var claimed = window.Claim(partition, [.. meant.Take(UnitsAtOnce)]);
        var (ended, unread) = await EndAsync(claimed);

        // A claimed one that was neither ended nor left for later cannot be read; it is set aside when its time comes.
        var others = meant.Select(u => u.Id).Except(claimed.Where(id => !unread.Contains(id))).ToList();
        var pastDot = others.Where(window.IsPastDot).ToList();
        if (others.Count == pastDot.Count)
        {
            window.Unclaim(pastDot);
            await TellAsync(isDone: true, pastDot);
            return AskPace.Idle;
        }

        GiveBack([.. others.Except(unread)]);
        await TellAsync(isDone: false);
        return ended.Count > 0 ? AskPace.Busy : AskPace.Waiting;
    }

    private async Task<AskPace> LanesAsync(Func<Lane, Task<bool>> piece, CancellationToken cancellation)
    {
        _lanes ??= new Queue<Lane>(await LaneFinder.FindAsync(Database, partition.Keys, ask.Selector));
        while (partition.IsOwned && !cancellation.IsCancellationRequested && _lanes.TryPeek(out var lane))
        {
            if (await piece(lane))
            {
                return AskPace.Busy;
            }

            _lanes.Dequeue();
            (_skip, _left) = (0, null);
        }

        if (!partition.IsOwned)
        {
            return AskPace.Idle;
        }

        if (_again.Count > 0)
        {
            _lanes = new Queue<Lane>(_again);
            _again.Clear();
            return AskPace.Waiting;
        }

        await TellAsync(isDone: true);
        return AskPace.Idle;
    }

    // False when the lane has no more for us now.
    private async Task<bool> EndLaneAsync(Lane lane)
    {
        var entries = await UnitEntries.OfLaneAsync(Database, partition.Keys, lane, _skip, UnitsAtOnce);
        if (entries.Count == 0)
        {
            return false;
        }

        var meant = entries.Where(u => IsMeant(u.Id)).ToList();
        var claimed = window.Claim(partition, meant);
        var (ended, unread) = await EndAsync(claimed);
        var busy = meant.Select(u => u.Id).Except(claimed).ToList();
        if (busy.Count > 0)
        {
            _again.Add(lane);
            GiveBack(busy);
        }

        // What memory stopped us at comes next; whatever else did not end is read past.
        _skip += entries.TakeWhile(u => !unread.Contains(u.Id)).Count(u => !ended.Contains(u.Id));
        await TellAsync(isDone: false);
        return true;
    }

    // False when the lane has no more for us now.
    private async Task<bool> RetryLaneAsync(Lane lane)
    {
        if (_left is null)
        {
            TryAgain(lane.Domain);
            _left = await Database.SortedSetLengthAsync(partition.Keys.Lane(lane), Now, double.PositiveInfinity, Exclude.Start);
        }

        // What fails again meanwhile is put off again; it had its chance, and must not keep us here for ever.
        var entries = _left > 0
            ? await UnitEntries.PutOffAsync(Database, partition.Keys, lane, Now, _skip, (int)Math.Min(_left.Value, UnitsAtOnce))
            : [];
        if (entries.Count == 0)
        {
            return false;
        }

        var tried = await PutOffAsync(entries);
        _left -= entries.Count;
        _skip += entries.Count - tried.Count;
        await RetryAsync(tried, isDone: false);
        return true;
    }

    // Those put off after an attempt; mail for later waits for its own time.
    private async Task<List<(UnitId Id, Lane Lane, long Due)>> PutOffAsync(IReadOnlyList<(UnitId Id, Lane Lane, long Due)> units)
    {
        var tried = await Task.WhenAll(units.Select(u => Database.KeyExistsAsync(partition.Keys.Unit(u.Id))));
        return [.. units.Where((u, i) => tried[i] && u.Due > Now)];
    }

    private async Task RetryAsync(IReadOnlyList<(UnitId Id, Lane Lane, long Due)> units, bool isDone)
    {
        var now = Now;
        var lanes = units.GroupBy(u => u.Lane).ToDictionary(l => l.Key, l => (IReadOnlyList<UnitId>)[.. l.Select(u => u.Id)]);
        _units += units.Count;
        await settles.AskedAsync(partition, new AskedPart(ask, entry, new AskProgress(isDone, _units!.Value), now) { Due = lanes });
        foreach (var lane in lanes.Keys)
        {
            window.Arrived(partition, lane, now);
        }
    }

    // Ends what was claimed, as far as its records can be read and memory allows.
    private async Task<(HashSet<UnitId> Ended, IReadOnlySet<UnitId> Unread)> EndAsync(IReadOnlyList<UnitId> claimed)
    {
        var ended = new HashSet<UnitId>();
        try
        {
            var now = time.GetUtcNow();
            var octets = 0L;
            var settling = new List<Task>();
            await foreach (var lease in LeaseReader.ReadAsync(Database, partition.Keys, claimed))
            {
                settling.Add(settles.SettleAsync(AskedEnd.Of(lease, ask, reports, now)));
                ended.Add(lease.Id);
                octets += lease.Message.Content.Head.Length;
                if (octets > OctetsAtOnce)
                {
                    break;
                }
            }

            await Task.WhenAll(settling);
            _units += ended.Count;

            return (ended, octets > OctetsAtOnce ? claimed.Where(id => !ended.Contains(id)).ToHashSet() : []);
        }
        finally
        {
            window.Unclaim(claimed.Where(id => !ended.Contains(id)));
        }
    }

    private Task TellAsync(bool isDone, IReadOnlyList<UnitId>? inProgress = null) => settles.AskedAsync(
        partition,
        new AskedPart(ask, entry, new AskProgress(isDone, _units!.Value, inProgress is { Count: > 0 } ? [.. inProgress.Select(id => id.ToString())] : null), Now));

    private async Task<long> ReadProgressAsync()
    {
        var before = await Database.StringGetAsync(partition.Keys.Answer(ask.Id));
        return before.IsNull ? 0 : JsonSerializer.Deserialize(((ReadOnlyMemory<byte>)before).Span, RecordJson.Default.AskProgress)?.Units ?? 0;
    }

    private void GiveBack(IReadOnlyCollection<UnitId> units)
    {
        var wanted = units.ToHashSet();
        _awaited.UnionWith(wanted);
        foreach (var desk in desks)
        {
            desk.GiveBack(lease => wanted.Contains(lease.Id));
        }
    }

    private void TryAgain(string domain)
    {
        foreach (var desk in desks)
        {
            desk.TryAgain(domain);
        }
    }

    // What came later than the ask was not in anybody's mind, our own reports about it least of all.
    private bool IsMeant(UnitId unit) => unit.Message.CreatedAt <= ask.AskedAt;

    private long Now => time.GetUtcNow().ToUnixTimeMilliseconds();
}
