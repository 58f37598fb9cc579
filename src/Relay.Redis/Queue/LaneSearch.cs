using Relay.Mail.Queue;
using Relay.Redis.Connections;
using StackExchange.Redis;

namespace Relay.Redis.Queue;

/// <summary>
/// Finds the lanes that are due and that nobody here has heard of, in the order in which they are due. Each is read once: what
/// stands in <c>lanes</c> before <see cref="LaneLook.Next"/> is known already, however much it is. A page at a time, so
/// that after a take-over the first lanes flow while the others are still being found.
/// </summary>
internal sealed class LaneSearch(Store store, Window window, Aside aside, TimeProvider time)
{
    private const int LanesPerPage = 1_000;

    // The window knows as many lanes as it can. Some will have gone quiet by then.
    private static readonly TimeSpan NoRoomPause = TimeSpan.FromSeconds(1);

    private long _notBefore;

    /// <summary>When to look next, in Unix milliseconds.</summary>
    public long NextLook
    {
        get
        {
            var next = LaneShare.Nothing;
            foreach (var partition in store.Partitions)
            {
                next = partition.IsServed ? Math.Min(next, partition.Look.Next) : next;
            }

            return Math.Max(next, _notBefore);
        }
    }

    /// <summary>Reads one page of each partition that is to be looked at.</summary>
    public async Task LookAsync(CancellationToken cancellation)
    {
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        if (now >= _notBefore)
        {
            await Task.WhenAll(store.Partitions.Where(p => p.IsServed && p.Look.Next <= now).Select(p => LookAsync(p, now, cancellation)));
        }
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
            partition.Look.From(reached);
        }
    }

    private async Task<long> LookAsync(Partition partition, long from, long now, CancellationToken cancellation)
    {
        for (var take = LanesPerPage; ; take *= 2)
        {
            var page = await store.Connections.Reading
                .SortedSetRangeByScoreWithScoresAsync(partition.Keys.Lanes, from, take: take, flags: StoreConnections.FromPrimary)
                .WaitAsync(cancellation);
            if (TryLearn(partition, page, now) is { } next)
            {
                return next;
            }

            if (page.Length < take)
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
        foreach (var entry in page)
        {
            var due = (long)entry.Score;
            if (due > now)
            {
                return due;
            }

            if (!Lane.TryParse(entry.Element, out var lane))
            {
                // It would else stand before all others at each look. What the lane holds stays under its own key.
                aside.Set(partition, entry.Element.ToString(), "", "its name is not that of a lane");
            }
            else if (!window.TryDiscover(partition, lane, due))
            {
                _notBefore = now + (long)NoRoomPause.TotalMilliseconds;
                return due;
            }
        }

        return null;
    }
}
