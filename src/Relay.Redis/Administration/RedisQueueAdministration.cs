using System.Text.Json;
using Relay.Mail.Queue;
using Relay.Redis.Connections;
using Relay.Redis.Records;
using StackExchange.Redis;

namespace Relay.Redis.Administration;

/// <summary>
/// Puts what is asked into the <c>asks</c> of the partitions concerned, and hears what their owners say:
/// <code>
/// RPUSH asks ask           in each partition; a single message stands in one
/// GET answer:ASK           until each says that it is done, or patience ends
/// </code>
/// </summary>
internal sealed class RedisQueueAdministration(Store store, IQueueReader reader, Bell bell, TimeProvider time) : IQueueAdministration
{
    // An owner in another process may not be heard.
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(50);

    // So many units put off are looked at one by one; beyond, their number is enough.
    private const int ExactUnits = 10_000;
    private const int Page = 500;

    private IDatabase Database => store.Connections.Reading;

    public async ValueTask<QueuePreview> PreviewAsync(QueueSelector selector, AskKind? kind, int shown, CancellationToken cancellation)
    {
        RequireSelection(selector);
        return selector.Message is null
            ? await PreviewLanesAsync(selector, kind, shown, cancellation)
            : await PreviewMessageAsync(selector, kind, shown, cancellation);
    }

    public async ValueTask<AskAnswer> AskAsync(QueueAsk ask, TimeSpan patience, CancellationToken cancellation)
    {
        RequireSelection(ask.Selector);
        var partitions = PartitionsOf(ask.Selector);
        var entry = JsonSerializer.SerializeToUtf8Bytes(ask, RecordJson.Default.QueueAsk);
        await StoreFailure.TranslateAsync(Task.WhenAll(partitions.Select(p => Database.ListRightPushAsync(p.Keys.Asks, entry))), cancellation);
        bell.Ring(bell.Asked);

        var deadline = time.GetTimestamp() + (long)(patience.TotalSeconds * time.TimestampFrequency);
        while (true)
        {
            var answered = bell.Answered.Next;
            var answer = await AnswerAsync(ask, partitions, cancellation);
            if (answer.IsDone || time.GetTimestamp() >= deadline)
            {
                return answer;
            }

            await answered.WaitAsync(Look, time, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellation.ThrowIfCancellationRequested();
        }
    }

    private async Task<AskAnswer> AnswerAsync(QueueAsk ask, IReadOnlyList<Partition> partitions, CancellationToken cancellation)
    {
        var answers = await StoreFailure.TranslateAsync(
            Task.WhenAll(partitions.Select(p => Database.StringGetAsync(p.Keys.Answer(ask.Id)))), cancellation);
        var parts = answers.Where(a => !a.IsNull)
            .Select(a => JsonSerializer.Deserialize(((ReadOnlyMemory<byte>)a).Span, RecordJson.Default.AskProgress))
            .OfType<AskProgress>()
            .ToList();
        return new AskAnswer(
            parts.Count(p => p.IsDone) == partitions.Count,
            parts.Sum(p => p.Units),
            [.. parts.SelectMany(p => p.InProgress ?? []).Select(u => UnitId.TryParse(u, out var id) ? id : default(UnitId?)).OfType<UnitId>()]);
    }

    private async Task<QueuePreview> PreviewMessageAsync(QueueSelector selector, AskKind? kind, int shown, CancellationToken cancellation)
    {
        var now = time.GetUtcNow();
        var units = (await reader.FindUnitsAsync(selector.Message!.Value, cancellation))
            .Where(u => selector.Covers(u.Lane, u.Id.Message) && (kind != AskKind.Retry || IsPutOff(u, now)))
            .ToList();
        return new QueuePreview(
            units.Count,
            true,
            [.. units.GroupBy(u => u.Lane, (lane, of) => (Lane: lane, Units: of.ToList())).Select(l => new LaneDepth(l.Lane, l.Units.Count, l.Units.Min(u => u.DueAt)))],
            [.. units.Take(shown)]);
    }

    private async Task<QueuePreview> PreviewLanesAsync(QueueSelector selector, AskKind? kind, int shown, CancellationToken cancellation)
    {
        var lanes = new Dictionary<Lane, LaneDepth>();
        var isExact = true;
        foreach (var partition in store.Partitions)
        {
            var found = await StoreFailure.TranslateAsync(LaneFinder.FindAsync(Database, partition.Keys, selector), cancellation);
            foreach (var chunk in found.Chunk(Page))
            {
                var before = kind == AskKind.Retry ? lanes.Values.Sum(l => l.Units) : 0;
                var depths = await Task.WhenAll(chunk.Select(lane => kind == AskKind.Retry
                    ? CountPutOffAsync(partition, lane, before, cancellation)
                    : DepthAsync(partition, lane, cancellation)));
                foreach (var (depth, exact) in depths)
                {
                    isExact &= exact;
                    if (depth is not null)
                    {
                        lanes[depth.Lane] = lanes.TryGetValue(depth.Lane, out var sum) ? Sum(sum, depth) : depth;
                    }
                }
            }
        }

        List<LaneDepth> deepest = [.. lanes.Values.OrderByDescending(l => l.Units)];
        return new QueuePreview(deepest.Sum(l => l.Units), isExact, deepest, await FirstAsync(deepest, kind, shown, cancellation));
    }

    private async Task<IReadOnlyList<WaitingUnit>> FirstAsync(IReadOnlyList<LaneDepth> lanes, AskKind? kind, int shown, CancellationToken cancellation)
    {
        var now = time.GetUtcNow();
        var first = new List<WaitingUnit>();
        foreach (var lane in lanes)
        {
            if (first.Count >= shown)
            {
                break;
            }

            var after = kind == AskKind.Retry ? new UnitPosition(now, default) : default(UnitPosition?);
            var units = await reader.ListUnitsAsync(lane.Lane, after, shown - first.Count, cancellation);
            first.AddRange(units.Where(u => kind != AskKind.Retry || IsPutOff(u, now)));
        }

        return first;
    }

    private async Task<(LaneDepth? Depth, bool IsExact)> DepthAsync(Partition partition, Lane lane, CancellationToken cancellation)
    {
        var key = partition.Keys.Lane(lane);
        var count = Database.SortedSetLengthAsync(key);
        var head = await StoreFailure.TranslateAsync(Database.SortedSetRangeByRankWithScoresAsync(key, 0, 0), cancellation);
        return (head is [var first] ? new LaneDepth(lane, await count, TimeOf(first)) : null, true);
    }

    // Mail for later was never tried: it waits for its own time, and a retry leaves it alone.
    private async Task<(LaneDepth? Depth, bool IsExact)> CountPutOffAsync(Partition partition, Lane lane, long before, CancellationToken cancellation)
    {
        var key = partition.Keys.Lane(lane);
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        var later = await StoreFailure.TranslateAsync(Database.SortedSetLengthAsync(key, now, double.PositiveInfinity, Exclude.Start), cancellation);
        if (before + later > ExactUnits)
        {
            return (new LaneDepth(lane, later, time.GetUtcNow()), false);
        }

        LaneDepth? depth = null;
        for (var skip = 0; skip < later; skip += Page)
        {
            var units = await StoreFailure.TranslateAsync(
                Database.SortedSetRangeByScoreWithScoresAsync(key, now, exclude: Exclude.Start, skip: skip, take: Page), cancellation);
            var tried = await StoreFailure.TranslateAsync(
                Task.WhenAll(units.Select(u => UnitId.TryParse(u.Element, out var id) ? Database.KeyExistsAsync(partition.Keys.Unit(id)) : Task.FromResult(false))),
                cancellation);
            foreach (var (unit, wasTried) in units.Zip(tried))
            {
                depth = !wasTried ? depth : depth is null ? new LaneDepth(lane, 1, TimeOf(unit)) : depth with { Units = depth.Units + 1 };
            }
        }

        return (depth, true);
    }

    private static bool IsPutOff(WaitingUnit unit, DateTimeOffset now) => unit.State is not null && unit.DueAt > now;

    private static LaneDepth Sum(LaneDepth a, LaneDepth b) => new(a.Lane, a.Units + b.Units, a.EarliestDue < b.EarliestDue ? a.EarliestDue : b.EarliestDue);

    private static DateTimeOffset TimeOf(SortedSetEntry entry) => DateTimeOffset.FromUnixTimeMilliseconds((long)entry.Score);

    private IReadOnlyList<Partition> PartitionsOf(QueueSelector selector) => selector.Message is { } message ? [store.PartitionOf(message)] : store.Partitions;

    private static void RequireSelection(QueueSelector selector)
    {
        if (selector.IsEmpty)
        {
            throw new ArgumentException("nothing is selected", nameof(selector));
        }
    }
}
