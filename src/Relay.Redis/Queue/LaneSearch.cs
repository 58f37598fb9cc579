using Relay.Mail.Queue;
using Relay.Redis.Connections;
using StackExchange.Redis;

namespace Relay.Redis.Queue;

/// <summary>
/// Finds the lanes that are due and that nobody here has heard of, in the order in which they are due. Each is read once: what
/// stands in <c>lanes</c> before <see cref="LaneLook.Next"/> is known already, however much it is. A page at a time, so
/// that after a take-over the first lanes flow while the others are still being found. Where there are more lanes than can be
/// known, those without a place are passed over, and all are looked through again and again until each has had one, at a pace
/// that costs the same however many they are.
/// </summary>
internal sealed class LaneSearch(Store store, Window window, Aside aside, TimeProvider time)
{
    private const int LanesPerPage = 1_000;

    // Mostly one lane has become due, or some: what stands behind them is not read each time.
    private const int FewLanes = 16;

    // Two pages overlap by half, since a lane may get an earlier time between them and move those behind it up.
    private const int Step = LanesPerPage / 2;

    // Of those that have no place so many are looked through again in a second: a hundredth of a core, relay and store. Of 200,000
    // all within a minute, of fewer than 20,000 at each beat.
    private const int LanesPerSecond = 4_000;

    private long? _beat;
    private long? _lookedAgain;
    private TimeSpan _pause;

    // Whose turn it is to be looked through again.
    private int _turn;
    private long _lanesRead;

    /// <summary>Lanes read so far, as often as each was.</summary>
    public long LanesRead => Interlocked.Read(ref _lanesRead);

    /// <summary>When to look next, in Unix milliseconds.</summary>
    public long NextLook
    {
        get
        {
            var (next, timestamp) = (LaneShare.Nothing, time.GetTimestamp());
            foreach (var partition in store.Partitions)
            {
                next = partition.IsServed && !partition.IsAway(timestamp) ? Math.Min(next, partition.Look.Next) : next;
            }

            return next;
        }
    }

    /// <summary>Reads one page of each partition that is to be looked at.</summary>
    public async Task LookAsync(Trouble trouble, CancellationToken cancellation)
    {
        var (now, timestamp) = (time.GetUtcNow().ToUnixTimeMilliseconds(), time.GetTimestamp());
        var served = store.Partitions.Where(p => p.IsServed && !p.IsAway(timestamp)).ToList();
        LookAgain(served, now);
        await Task.WhenAll(served.Where(p => p.Look.Next <= now).Select(p => trouble.TryAsync(() => LookAsync(p, now, cancellation))));
    }

    // With places free at once, and everywhere.
    private void LookAgain(List<Partition> served, long now)
    {
        if (!window.IsCrowded)
        {
            served.ForEach(p => p.Look.LookAgain(now));
            return;
        }

        if (!HasPassed(LaneLook.Beat, ref _beat))
        {
            return;
        }

        foreach (var partition in served.Where(p => p.Look.IsUrgent))
        {
            partition.Look.LookAgain(now);
        }

        if (!HasPassed(_pause, ref _lookedAgain))
        {
            return;
        }

        var lanes = 0;
        for (var i = 0; i < served.Count && lanes < LanesPerSecond * LaneLook.Beat.TotalSeconds; i++)
        {
            _turn = (_turn + 1) % served.Count;
            lanes += served[_turn].Look.LookAgain(now);
        }

        _pause = TimeSpan.FromSeconds((double)lanes / LanesPerSecond);
    }

    private bool HasPassed(TimeSpan span, ref long? since)
    {
        if (since is { } then && time.GetElapsedTime(then) < span)
        {
            return false;
        }

        since = time.GetTimestamp();
        return true;
    }

    private async Task LookAsync(Partition partition, long now, CancellationToken cancellation)
    {
        var from = partition.Look.Begin();
        var reached = from;
        window.BeginLook(partition, from);
        try
        {
            reached = await LookAsync(partition, from, now, cancellation);
        }
        finally
        {
            // From where it began, where it failed: else what stands there would wait until the partition changes hands.
            partition.Look.End(reached, now);
        }
    }

    private async Task<long> LookAsync(Partition partition, long from, long now, CancellationToken cancellation)
    {
        var first = await ReadAsync(partition, from, skip: 0, FewLanes, cancellation);
        if (TryLearn(partition, first, now) is { } due)
        {
            return due;
        }

        if (first.Length < FewLanes)
        {
            return LaneShare.Nothing;
        }

        for (var skip = 0; ; skip += Step)
        {
            var page = await ReadAsync(partition, from, skip, LanesPerPage, cancellation);
            if (TryLearn(partition, page, now) is { } next)
            {
                return next;
            }

            if (page.Length < LanesPerPage)
            {
                return LaneShare.Nothing;
            }

            if (page[^1].Score > from)
            {
                // From the last one again, since others may be due in the same moment.
                return (long)page[^1].Score;
            }
        }
    }

    private async Task<SortedSetEntry[]> ReadAsync(Partition partition, long from, int skip, int take, CancellationToken cancellation)
    {
        var page = await store.Connections.Reading
            .SortedSetRangeByScoreWithScoresAsync(partition.Keys.Lanes, from, skip: skip, take: take, flags: StoreConnections.FromPrimary)
            .InTimeAsync(cancellation);
        Interlocked.Add(ref _lanesRead, page.Length);
        return page;
    }

    // When to look again, where the page tells.
    private long? TryLearn(Partition partition, SortedSetEntry[] page, long now)
    {
        var look = partition.Look;
        foreach (var entry in page)
        {
            var due = (long)entry.Score;
            if (due > now)
            {
                return due;
            }

            var name = entry.Element.ToString();
            if (Lane.TryParse(name, out var lane))
            {
                look.Looked(due, name, window.Discover(partition, lane, due, look.MaySwap(due, name)));
            }
            else
            {
                // It would else stand before all others at each look. What the lane holds stays under its own key.
                aside.Set(partition, name, "", "its name is not that of a lane");
            }
        }

        return null;
    }
}
