using Relay.Mail.Queue;
using Relay.Redis.Connections;
using Relay.Redis.Keys;
using StackExchange.Redis;

namespace Relay.Redis.Queue;

/// <summary>Looks at lanes in the store itself, so it is right on every node.</summary>
internal sealed class RedisQueueReader(Store store) : IQueueReader
{
    private const int Page = 1_000;

    public async ValueTask<QueueDepth> MeasureAsync(CancellationToken cancellation)
    {
        var units = 0L;
        DateTimeOffset? earliest = null;
        await foreach (var lane in ReadAsync(null, cancellation))
        {
            units += lane.Units;
            earliest = earliest is null || lane.EarliestDue < earliest ? lane.EarliestDue : earliest;
        }

        return new QueueDepth(units, earliest, await CountUnreadableAsync(cancellation));
    }

    private async Task<long> CountUnreadableAsync(CancellationToken cancellation)
    {
        RedisKey[] lists = [.. store.Partitions.Select(p => p.Keys.Unreadable), StoreKeys.Unreadable];
        var counts = await StoreFailure.TranslateAsync(Task.WhenAll(lists.Select(list => store.Connections.Reading.ListLengthAsync(list))), cancellation);
        return counts.Sum();
    }

    public async ValueTask<IReadOnlyList<LaneDepth>> ListLanesAsync(string? account, int limit, CancellationToken cancellation)
    {
        // A lane stands in each partition that has mail of it.
        var lanes = new Dictionary<Lane, LaneDepth>();
        await foreach (var part in ReadAsync(account, cancellation))
        {
            lanes[part.Lane] = lanes.TryGetValue(part.Lane, out var sum)
                ? new LaneDepth(part.Lane, sum.Units + part.Units, sum.EarliestDue < part.EarliestDue ? sum.EarliestDue : part.EarliestDue)
                : part;
        }

        return [.. lanes.Values.OrderByDescending(l => l.Units).Take(limit)];
    }

    private async IAsyncEnumerable<LaneDepth> ReadAsync(
        string? account, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        var database = store.Connections.Reading;
        foreach (var partition in store.Partitions)
        {
            for (var skip = 0; ; skip += Page)
            {
                var names = await StoreFailure.TranslateAsync(
                    database.SortedSetRangeByRankAsync(partition.Keys.Lanes, skip, skip + Page - 1), cancellation);
                var lanes = names
                    .Select(name => Lane.TryParse(name, out var lane) ? lane : default(Lane?))
                    .OfType<Lane>()
                    .Where(lane => account is null || lane.Account == account)
                    .ToList();
                var counts = await StoreFailure.TranslateAsync(
                    Task.WhenAll(lanes.Select(lane => database.SortedSetLengthAsync(partition.Keys.Lane(lane)))), cancellation);
                var heads = await StoreFailure.TranslateAsync(
                    Task.WhenAll(lanes.Select(lane => database.SortedSetRangeByRankWithScoresAsync(partition.Keys.Lane(lane), 0, 0))), cancellation);

                for (var i = 0; i < lanes.Count; i++)
                {
                    if (heads[i] is [var head])
                    {
                        yield return new LaneDepth(lanes[i], counts[i], DateTimeOffset.FromUnixTimeMilliseconds((long)head.Score));
                    }
                }

                if (names.Length < Page)
                {
                    break;
                }
            }
        }
    }
}
