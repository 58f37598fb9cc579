using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis.Administration;
using Relay.Redis.Connections;
using Relay.Redis.Keys;
using StackExchange.Redis;

namespace Relay.Redis.Queue;

/// <summary>Looks at lanes in the store itself, so it is right on every node.</summary>
internal sealed class RedisQueueReader(Store store, LaneWalk walk, DepthWalk counts) : IQueueReader
{
    private static readonly MessageContent Nothing =
        new() { Prologue = ReadOnlyMemory<byte>.Empty, Head = ReadOnlyMemory<byte>.Empty, Length = 0 };

    private IDatabase Database => store.Connections.Reading;

    public async ValueTask<QueueDepth> MeasureAsync(CancellationToken cancellation) => (await LookAsync(null, 0, cancellation)).Depth;

    public async ValueTask<QueueOverview> LookAsync(string? account, int limit, CancellationToken cancellation)
    {
        var (lanes, isAll) = await walk.LookAsync(account, cancellation);
        var depth = new QueueDepth(lanes.Sum(lane => lane.Units), lanes.Count == 0 ? null : lanes.Min(lane => lane.EarliestDue), IsExact: isAll);
        if (!isAll && account is null && counts.Last is { } counted)
        {
            depth = counted with { IsExact = false };
        }

        return new QueueOverview(
            depth with { Unreadable = await CountUnreadableAsync(cancellation) }, [.. lanes.OrderByDescending(lane => lane.Units).Take(limit)]);
    }

    private async Task<long> CountUnreadableAsync(CancellationToken cancellation)
    {
        RedisKey[] lists = [.. store.Partitions.Select(p => p.Keys.Unreadable), StoreKeys.Unreadable];
        var counts = await StoreFailure.TranslateAsync(Task.WhenAll(lists.Select(list => store.Connections.Reading.ListLengthAsync(list))), cancellation);
        return counts.Sum();
    }

    public async ValueTask<LaneDepth?> FindLaneAsync(Lane lane, CancellationToken cancellation)
    {
        var keys = store.Partitions.Select(p => p.Keys.Lane(lane)).ToList();
        var counts = await StoreFailure.TranslateAsync(Task.WhenAll(keys.Select(key => Database.SortedSetLengthAsync(key))), cancellation);
        var heads = await StoreFailure.TranslateAsync(
            Task.WhenAll(keys.Select(key => Database.SortedSetRangeByRankWithScoresAsync(key, 0, 0))), cancellation);
        var due = heads.SelectMany(head => head).Select(head => (long?)head.Score).Min();
        return due is null ? null : new LaneDepth(lane, counts.Sum(), DateTimeOffset.FromUnixTimeMilliseconds(due.Value));
    }

    public async ValueTask<IReadOnlyList<WaitingUnit>> ListUnitsAsync(Lane lane, UnitPosition? after, int limit, CancellationToken cancellation)
    {
        var parts = await StoreFailure.TranslateAsync(Task.WhenAll(store.Partitions.Select(p => EntriesAsync(p, lane, after, limit))), cancellation);
        var page = parts.SelectMany(part => part).OrderBy(PositionOf).Take(limit).ToList();
        return await WithStateAsync(page, cancellation);
    }

    public async ValueTask<IReadOnlyList<WaitingUnit>> FindUnitsAsync(MessageId message, CancellationToken cancellation)
    {
        var entries = await StoreFailure.TranslateAsync(
            UnitEntries.OfMessageAsync(Database, store.PartitionOf(message).Keys, message), cancellation);
        return await WithStateAsync(entries, cancellation);
    }

    public async ValueTask<MailOwner?> FindOwnerAsync(MessageId message, CancellationToken cancellation)
    {
        var node = (string?)await StoreFailure.TranslateAsync(Database.StringGetAsync(store.PartitionOf(message).Keys.Lease), cancellation);
        return node is null ? null : new MailOwner(node, node == store.Owner);
    }

    // Those due at the very time of the last one shown are few: all of them are read, and those before it left out.
    private async Task<IReadOnlyList<(UnitId Id, Lane Lane, long Due)>> EntriesAsync(Partition partition, Lane lane, UnitPosition? after, int limit)
    {
        if (after is not { } last)
        {
            return await UnitEntries.OfLaneAsync(Database, partition.Keys, lane, 0, limit);
        }

        var due = last.DueAt.ToUnixTimeMilliseconds();
        var same = await UnitEntries.DueAtAsync(Database, partition.Keys, lane, due);
        var later = await UnitEntries.PutOffAsync(Database, partition.Keys, lane, due, 0, limit);
        return [.. same.Where(u => PositionOf(u).CompareTo(last) > 0), .. later];
    }

    private async Task<IReadOnlyList<WaitingUnit>> WithStateAsync(IReadOnlyList<(UnitId Id, Lane Lane, long Due)> entries, CancellationToken cancellation)
    {
        var leases = new Dictionary<UnitId, Lease>();
        foreach (var partition in entries.Select(u => u.Id).GroupBy(id => store.PartitionOf(id.Message)))
        {
            await StoreFailure.TranslateAsync(ReadAsync(partition.Key, partition, leases), cancellation);
        }

        return [.. entries.Select(u => WaitingUnitOf(u, leases.GetValueOrDefault(u.Id)))];
    }

    private async Task<bool> ReadAsync(Partition partition, IEnumerable<UnitId> units, Dictionary<UnitId, Lease> leases)
    {
        await foreach (var lease in LeaseReader.ReadAsync(Database, partition, units))
        {
            // The content, up to 256 KiB each, is not kept for a whole page.
            leases[lease.Id] = lease with { Message = lease.Message with { Content = Nothing } };
        }

        return true;
    }

    private static WaitingUnit WaitingUnitOf((UnitId Id, Lane Lane, long Due) entry, Lease? lease) => new(
        entry.Id,
        entry.Lane,
        DateTimeOffset.FromUnixTimeMilliseconds(entry.Due),
        lease?.State,
        lease is null ? [] : [.. lease.Open.Select(index => lease.Message.Envelope.Recipients[index].Address.Text)])
    {
        Mode = lease?.Message.Mode,
    };

    private static UnitPosition PositionOf((UnitId Id, Lane Lane, long Due) entry) =>
        new(DateTimeOffset.FromUnixTimeMilliseconds(entry.Due), entry.Id);
}
