using Relay.Mail.Queue;
using Relay.Redis.Connections;
using StackExchange.Redis;

namespace Relay.Redis.Queue;

/// <summary>
/// Finds the lanes that are due and that nobody here has heard of, in the order in which they are due. Each is read once: what
/// stands in <c>lanes</c> before <see cref="LaneLook.Next"/> is known already, however much it is. A page at a time, so
/// that after a take-over the first lanes flow while the others are still being found. Where there are more lanes than can be
/// known, those without a place are passed over, and all are looked through again and again until each has had one.
/// </summary>
internal sealed class LaneSearch(Store store, Window window, Aside aside, TimeProvider time)
{
    private const int LanesPerPage = 1_000;

    // Two pages overlap by half, since a lane may get an earlier time between them and move those behind it up.
    private const int Step = LanesPerPage / 2;

    // Where there is no place for more lanes than before. A million are looked through in a part of a second.
    private static readonly TimeSpan Again = TimeSpan.FromSeconds(5);

    private long? _lookedAgain;

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
        if (_lookedAgain is not { } before || time.GetElapsedTime(before) >= Again || !window.IsCrowded)
        {
            _lookedAgain = time.GetTimestamp();
            served.ForEach(p => p.Look.LookAgain(now));
        }

        await Task.WhenAll(served.Where(p => p.Look.Next <= now).Select(p => trouble.TryAsync(() => LookAsync(p, now, cancellation))));
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
        for (var skip = 0; ; skip += Step)
        {
            var page = await store.Connections.Reading
                .SortedSetRangeByScoreWithScoresAsync(partition.Keys.Lanes, from, skip: skip, take: LanesPerPage, flags: StoreConnections.FromPrimary)
                .InTimeAsync(cancellation);
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
