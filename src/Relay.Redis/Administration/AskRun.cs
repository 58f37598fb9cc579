using System.Text.Json;
using Relay.Mail.Bounces;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis.Connections;
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

    // A sender of little mail to thousands of domains has thousands of lanes: one after the other would take minutes.
    private const int LanesAtOnce = 50;

    // Lanes still to be gone through; null before the first look.
    private Queue<LaneWork>? _lanes;

    // Lanes with something in flight: gone through again.
    private readonly HashSet<Lane> _again = [];

    // Units seen in flight.
    private readonly HashSet<UnitId> _awaited = [];

    // What an owner before us has told.
    private long? _before;

    public AskKind Kind => ask.Kind;

    /// <summary>Units changed here so far.</summary>
    public long Units { get; private set; }

    private IDatabase Database => store.Connections.Background;

    /// <summary>Does the next piece.</summary>
    public async Task<AskPace> StepAsync()
    {
        _before ??= await ReadProgressAsync();
        return ask.Selector.Message is { } message ? await MessageAsync(message)
            : ask.Kind == AskKind.Retry ? await LanesAsync(RetryInLaneAsync)
            : await LanesAsync(EndInLaneAsync);
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

            var putOff = await TriedAsync([.. meant.Where(u => u.Due > Now)]);
            Units += putOff.Count;
            await TellAsync(
                isDone: true, due: putOff.GroupBy(u => u.Lane).ToDictionary(l => l.Key, l => (IReadOnlyList<UnitId>)[.. l.Select(u => u.Id)]));
            return AskPace.Idle;
        }

        var claimed = window.Claim(partition, [.. meant.Take(UnitsAtOnce)]);
        var (ended, unread) = await EndAsync(claimed, OctetsAtOnce);
        Units += ended.Count;

        // A claimed one that was neither ended nor left for later cannot be read; it is set aside when its time comes.
        var others = meant.Select(u => u.Id).Except(claimed.Where(id => !unread.Contains(id))).ToList();
        var pastDot = others.Where(window.IsPastDot).ToList();
        if (others.Count == pastDot.Count)
        {
            window.Unclaim(pastDot);
            await TellAsync(isDone: true, inProgress: pastDot);
            return AskPace.Idle;
        }

        GiveBack([.. others.Except(unread)]);
        await TellAsync(isDone: false);
        return ended.Count > 0 ? AskPace.Busy : AskPace.Waiting;
    }

    private async Task<AskPace> LanesAsync(Func<LaneWork, int, Task<LanePiece>> step)
    {
        _lanes ??= QueueOf(await LaneFinder.FindAsync(Database, partition.Keys, ask.Selector));
        var lanes = new List<LaneWork>();
        while (lanes.Count < LanesAtOnce && _lanes.TryDequeue(out var lane))
        {
            lanes.Add(lane);
        }

        if (lanes.Count > 0)
        {
            await WorkAsync(lanes, step);
            return AskPace.Busy;
        }

        if (_again.Count > 0)
        {
            _lanes = QueueOf(_again);
            _again.Clear();
            return AskPace.Waiting;
        }

        await TellAsync(isDone: true);
        return AskPace.Idle;
    }

    private async Task WorkAsync(List<LaneWork> lanes, Func<LaneWork, int, Task<LanePiece>> step)
    {
        var pieces = await Task.WhenAll(lanes.Select(lane => step(lane, UnitsAtOnce / lanes.Count)));
        var due = new Dictionary<Lane, IReadOnlyList<UnitId>>();
        foreach (var (lane, piece) in lanes.Zip(pieces))
        {
            Units += piece.Units;
            if (piece.HasMore)
            {
                _lanes!.Enqueue(lane);
            }

            if (piece.Busy.Count > 0)
            {
                _again.Add(lane.Lane);
            }

            if (piece.Due.Count > 0)
            {
                due[lane.Lane] = piece.Due;
            }
        }

        GiveBack([.. pieces.SelectMany(piece => piece.Busy)]);
        await TellAsync(isDone: false, due: due);
    }

    private async Task<LanePiece> EndInLaneAsync(LaneWork work, int take)
    {
        var entries = await UnitEntries.OfLaneAsync(Database, partition.Keys, work.Lane, work.Skip, take);
        var meant = entries.Where(u => IsMeant(u.Id)).ToList();
        var claimed = window.Claim(partition, meant);
        var (ended, unread) = await EndAsync(claimed, OctetsAtOnce * take / UnitsAtOnce);

        // What memory stopped us at comes next; whatever else did not end is read past.
        work.Skip += entries.TakeWhile(u => !unread.Contains(u.Id)).Count(u => !ended.Contains(u.Id));
        return new LanePiece(ended.Count, entries.Count == take || unread.Count > 0) { Busy = [.. meant.Select(u => u.Id).Except(claimed)] };
    }

    private async Task<LanePiece> RetryInLaneAsync(LaneWork work, int take)
    {
        if (work.Left is null)
        {
            TryAgain(work.Lane.Domain);
            work.Left = await Database.SortedSetLengthAsync(partition.Keys.Lane(work.Lane), Now, double.PositiveInfinity, Exclude.Start).InTimeAsync();
        }

        // What fails again meanwhile is put off again; it had its chance, and must not keep us here for ever.
        take = (int)Math.Min(work.Left.Value, take);
        if (take == 0)
        {
            return new LanePiece(0, false);
        }

        var entries = await UnitEntries.PutOffAsync(Database, partition.Keys, work.Lane, Now, work.Skip, take);
        var tried = await TriedAsync(entries);
        work.Left -= take;
        work.Skip += entries.Count - tried.Count;
        return new LanePiece(tried.Count, work.Left > 0) { Due = [.. tried.Select(u => u.Id)] };
    }

    // Mail for later was never tried: it waits for its own time.
    private async Task<List<(UnitId Id, Lane Lane, long Due)>> TriedAsync(IReadOnlyList<(UnitId Id, Lane Lane, long Due)> units)
    {
        var tried = await Task.WhenAll(units.Select(u => Database.KeyExistsAsync(partition.Keys.Unit(u.Id)))).InTimeAsync();
        return [.. units.Where((_, i) => tried[i])];
    }

    // Ends what was claimed, as far as its records can be read and memory allows.
    private async Task<(HashSet<UnitId> Ended, IReadOnlySet<UnitId> Unread)> EndAsync(IReadOnlyList<UnitId> claimed, long maxOctets)
    {
        var ended = new HashSet<UnitId>();
        try
        {
            var now = time.GetUtcNow();
            var octets = 0L;
            var settling = new List<Task>();
            await foreach (var lease in LeaseReader.ReadAsync(Database, partition, claimed))
            {
                settling.Add(settles.SettleAsync(AskedEnd.Of(lease, ask, reports, now)));
                ended.Add(lease.Id);
                octets += lease.Message.Content.Head.Length;
                if (octets > maxOctets)
                {
                    break;
                }
            }

            await Task.WhenAll(settling);
            return (ended, octets > maxOctets ? claimed.Where(id => !ended.Contains(id)).ToHashSet() : []);
        }
        finally
        {
            window.Unclaim(claimed.Where(id => !ended.Contains(id)));
        }
    }

    private async Task TellAsync(bool isDone, IReadOnlyDictionary<Lane, IReadOnlyList<UnitId>>? due = null, IReadOnlyList<UnitId>? inProgress = null)
    {
        var now = Now;
        var progress = new AskProgress(isDone, _before!.Value + Units, inProgress is { Count: > 0 } ? [.. inProgress.Select(id => id.ToString())] : null);
        var part = new AskedPart(ask, entry, progress, now);
        await settles.AskedAsync(partition, due is null ? part : part with { Due = due });
        foreach (var lane in due?.Keys ?? [])
        {
            window.Arrived(partition, lane, now);
        }
    }

    private async Task<long> ReadProgressAsync()
    {
        var before = await Database.StringGetAsync(partition.Keys.Answer(ask.Id)).InTimeAsync();
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

    private static Queue<LaneWork> QueueOf(IEnumerable<Lane> lanes) => new(lanes.Select(lane => new LaneWork(lane)));

    private long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>How far we are in a lane.</summary>
    private sealed class LaneWork(Lane lane)
    {
        public Lane Lane { get; } = lane;

        /// <summary>Entries to read past, since they are not meant or not to be had now.</summary>
        public int Skip { get; set; }

        /// <summary>Of those put off when we came, how many are still to be looked at.</summary>
        public long? Left { get; set; }
    }

    /// <param name="HasMore">There may be more for us behind it.</param>
    private sealed record LanePiece(int Units, bool HasMore)
    {
        /// <summary>In flight.</summary>
        public IReadOnlyList<UnitId> Busy { get; init; } = [];

        /// <summary>Due from now on.</summary>
        public IReadOnlyList<UnitId> Due { get; init; } = [];
    }
}
