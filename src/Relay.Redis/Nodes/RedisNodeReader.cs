using Relay.Mail.Queue;
using Relay.Redis.Connections;
using Relay.Redis.Steps;
using StackExchange.Redis;

namespace Relay.Redis.Nodes;

/// <summary>Reads from the store itself, so it is right on every node, whether it delivers or not.</summary>
internal sealed class RedisNodeReader(Store store, NodeRegistry registry) : INodeReader
{
    // Each lane is one more question to the store.
    private const int MaxLanesCounted = 64;

    private IDatabase Database => store.Connections.Reading;

    public async ValueTask<NodeOverview> ListAsync(CancellationToken cancellation)
    {
        var nodes = await StoreFailure.TranslateAsync(registry.ReadAsync(), cancellation);
        var partitions = await StoreFailure.TranslateAsync(Task.WhenAll(store.Partitions.Select(ReadAsync)), cancellation);
        return new NodeOverview(
            [.. nodes.Select(node => new NodeStatus(
                node.Id, node.Name, node.Roles, node.Version, node.Since, node.LastSeen,
                [.. partitions.Where(p => p.Owner == node.Owner).Select(p => p.Partition)]))],
            [.. partitions.Where(p => !nodes.Any(node => node.Owner == p.Owner)).Select(p => p.Partition.Number)]);
    }

    private async Task<(string? Owner, OwnedPartition Partition)> ReadAsync(Partition partition)
    {
        var owner = Database.StringGetAsync(partition.Keys.Lease);
        var settled = Database.StringGetAsync(partition.Keys.Settled);
        var lanes = await Database.SortedSetRangeByRankAsync(partition.Keys.Lanes, 0, MaxLanesCounted).InTimeAsync();
        long? units = null;
        if (lanes.Length <= MaxLanesCounted)
        {
            units = (await Task.WhenAll(lanes.Select(lane => Lane.TryParse(lane, out var known) ? Database.SortedSetLengthAsync(partition.Keys.Lane(known)) : Task.FromResult(0L))).InTimeAsync()).Sum();
        }

        return (await owner, new OwnedPartition(partition.Number, Fence.Parse(await settled).Epoch, units));
    }
}
