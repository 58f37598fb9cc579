using Relay.Mail.Queue;
using Relay.Redis.Connections;
using StackExchange.Redis;

namespace Relay.Redis.Queue;

/// <summary>
/// Looks at the lanes in the store itself, so what it sees is right on every node; at no more of them than one look may cost,
/// those first that are due first.
/// </summary>
internal sealed class LaneWalk(Store store, int most = LaneWalk.LanesAtMost)
{
    // Each is asked for its length and its first unit in each partition: some tens of milliseconds of the store's time.
    private const int LanesAtMost = 10_000;

    // A name alone costs a tenth of that; most of them may be other accounts'.
    private const int NamesForEach = 10;

    private const int Page = 1_000;

    private IDatabase Database => store.Connections.Reading;

    /// <param name="account">Whose; null for all.</param>
    public async Task<(IReadOnlyCollection<LaneDepth> Lanes, bool IsAll)> LookAsync(string? account, CancellationToken cancellation)
    {
        // A lane stands in each partition that has mail of it.
        var lanes = new Dictionary<Lane, LaneDepth>();
        var isAll = true;
        var share = Math.Max(1, most / store.Partitions.Count);
        foreach (var partition in store.Partitions)
        {
            var (parts, isWhole) = await LookAsync(partition, account, share, cancellation);
            isAll &= isWhole;
            foreach (var part in parts)
            {
                lanes[part.Lane] = lanes.TryGetValue(part.Lane, out var sum)
                    ? new LaneDepth(part.Lane, sum.Units + part.Units, sum.EarliestDue < part.EarliestDue ? sum.EarliestDue : part.EarliestDue)
                    : part;
            }
        }

        return (lanes.Values, isAll);
    }

    private async Task<(List<LaneDepth> Lanes, bool IsWhole)> LookAsync(Partition partition, string? account, int share, CancellationToken cancellation)
    {
        var lanes = new List<LaneDepth>();
        var names = share * (account is null ? 1 : NamesForEach);
        for (var read = 0; read < names && lanes.Count < share;)
        {
            var page = Math.Min(Page, names - read);
            var found = await StoreFailure.TranslateAsync(Database.SortedSetRangeByRankAsync(partition.Keys.Lanes, read, read + page - 1), cancellation);
            var wanted = LanesOf(found, account);
            var room = share - lanes.Count;
            lanes.AddRange(await DepthsAsync(partition, [.. wanted.Take(room)], cancellation));
            read += found.Length;
            if (found.Length < page)
            {
                return (lanes, wanted.Count <= room);
            }
        }

        return (lanes, false);
    }

    private async Task<IEnumerable<LaneDepth>> DepthsAsync(Partition partition, List<Lane> lanes, CancellationToken cancellation)
    {
        var counts = await StoreFailure.TranslateAsync(
            Task.WhenAll(lanes.Select(lane => Database.SortedSetLengthAsync(partition.Keys.Lane(lane)))), cancellation);
        var heads = await StoreFailure.TranslateAsync(
            Task.WhenAll(lanes.Select(lane => Database.SortedSetRangeByRankWithScoresAsync(partition.Keys.Lane(lane), 0, 0))), cancellation);

        // A lower bound may stand there for a lane that has nothing.
        return lanes.Select((lane, i) => heads[i] is [var head] ? new LaneDepth(lane, counts[i], DateTimeOffset.FromUnixTimeMilliseconds((long)head.Score)) : null)
            .OfType<LaneDepth>();
    }

    private static List<Lane> LanesOf(RedisValue[] names, string? account) =>
    [
        .. names
            .Select(name => Lane.TryParse(name, out var lane) ? lane : default(Lane?))
            .OfType<Lane>()
            .Where(lane => account is null || lane.Account == account),
    ];
}
