using Relay.Mail.Queue;
using Relay.Redis.Connections;
using StackExchange.Redis;

namespace Relay.Redis.Queue;

/// <summary>
/// Counts what waits, for gauges. It asks each lane for its length and walks no unit; where there are more lanes than one look
/// may cost, the next look goes on where this one stopped, and until it is through the last count of a partition stands.
/// </summary>
internal sealed class DepthWalk(Store store)
{
    // Of a core, relay and store, some thousandths: it is done all the time, whether anything changes or not.
    private const int LanesPerLook = 5_000;
    private const int LanesPerPage = 1_000;

    // The due times in lanes are lower bounds, so the earliest unit is found by asking the first lanes, mostly one.
    private const int LanesAskedForEarliest = 256;

    private readonly Dictionary<Partition, PartitionDepth> _depths = [];
    private int _at;
    private volatile QueueDepth? _last;

    /// <summary>What the last look came to; null before the first.</summary>
    public QueueDepth? Last => _last;

    public async Task<QueueDepth> LookAsync(CancellationToken cancellation)
    {
        var lanes = LanesPerLook;
        for (var ended = 0; lanes > 0 && ended < store.Partitions.Count;)
        {
            var partition = store.Partitions[_at % store.Partitions.Count];
            var read = await CountPageAsync(partition, cancellation);
            lanes -= read;
            if (read < LanesPerPage)
            {
                _at++;
                ended++;
            }
        }

        var earliest = await Task.WhenAll(store.Partitions.Select(partition => EarliestAsync(partition, cancellation)));
        var due = earliest.Min();
        var unreadable = await Task.WhenAll(store.Partitions.Select(partition => store.Connections.Reading.ListLengthAsync(partition.Keys.Unreadable)))
            .InTimeAsync(cancellation);
        return _last = new QueueDepth(
            _depths.Values.Sum(depth => depth.Units), due is { } time ? DateTimeOffset.FromUnixTimeMilliseconds(time) : null, unreadable.Sum());
    }

    private async Task<int> CountPageAsync(Partition partition, CancellationToken cancellation)
    {
        if (!_depths.TryGetValue(partition, out var depth))
        {
            _depths[partition] = depth = new PartitionDepth();
        }

        var database = store.Connections.Reading;
        var names = await database.SortedSetRangeByRankAsync(partition.Keys.Lanes, depth.Lanes, depth.Lanes + LanesPerPage - 1).InTimeAsync(cancellation);
        var counts = await Task.WhenAll(LanesOf(names).Select(lane => database.SortedSetLengthAsync(partition.Keys.Lane(lane)))).InTimeAsync(cancellation);
        depth.Lanes += names.Length;
        depth.Counted += counts.Sum();
        if (names.Length < LanesPerPage)
        {
            (depth.Units, depth.Counted, depth.Lanes) = (depth.Counted, 0, 0);
        }

        return names.Length;
    }

    private async Task<long?> EarliestAsync(Partition partition, CancellationToken cancellation)
    {
        var database = store.Connections.Reading;
        var bounds = await database.SortedSetRangeByRankWithScoresAsync(partition.Keys.Lanes, 0, LanesAskedForEarliest - 1).InTimeAsync(cancellation);
        long? earliest = null;
        foreach (var bound in bounds)
        {
            if (earliest <= (long)bound.Score)
            {
                break;
            }

            if (Lane.TryParse(bound.Element, out var lane)
                && await database.SortedSetRangeByRankWithScoresAsync(partition.Keys.Lane(lane), 0, 0).InTimeAsync(cancellation) is [var first]
                && !(earliest <= (long)first.Score))
            {
                earliest = (long)first.Score;
            }
        }

        return earliest;
    }

    private static IEnumerable<Lane> LanesOf(RedisValue[] names) =>
        names.Select(name => Lane.TryParse(name, out var lane) ? lane : default(Lane?)).OfType<Lane>();

    private sealed class PartitionDepth
    {
        /// <summary>By the last walk that came to its end.</summary>
        public long Units { get; set; }

        /// <summary>By the walk that is under way, and how many lanes that is.</summary>
        public long Counted { get; set; }
        public long Lanes { get; set; }
    }
}
