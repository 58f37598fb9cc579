using Relay.Mail.Queue;
using Relay.Redis.Connections;
using StackExchange.Redis;

namespace Relay.Redis.Queue;

/// <summary>Reads single units as they stand in the store, whatever waits in front of them.</summary>
internal sealed class UnitReader(Store store)
{
    private IDatabase Database => store.Connections.Reading;

    /// <summary>The unit and when it is due, in Unix milliseconds; null when it is settled for good, or cannot be read.</summary>
    public async Task<(Lease Lease, long Due)?> FindAsync(Partition partition, UnitId id)
    {
        RedisKey[] keys = [partition.Keys.Message(id.Message), partition.Keys.Unit(id)];
        var values = await Database.StringGetAsync(keys, StoreConnections.FromPrimary).InTimeAsync();
        if (values[0].IsNull || !Refiller.TryReadLease(partition, id, values[0], values[1], out var lease, out _))
        {
            return null;
        }

        // A message lives as long as the last of its units; this one may have ended before.
        var due = await Database.SortedSetScoreAsync(partition.Keys.Lane(lease.Unit.Lane), id.ToString(), StoreConnections.FromPrimary).InTimeAsync();
        return due is { } score ? (lease, (long)score) : null;
    }
}
