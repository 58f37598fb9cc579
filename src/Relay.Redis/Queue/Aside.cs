using System.Collections.Concurrent;
using Relay.Redis.Records;

namespace Relay.Redis.Queue;

/// <summary>
/// Has set aside what cannot be read, each entry once: a step takes a while, and a full store takes none, while the same
/// entry is read again and again. Nobody waits for it.
/// </summary>
internal sealed class Aside(SettleWriter settler, TimeProvider time)
{
    private readonly ConcurrentDictionary<(Partition Partition, string Lane, string Unit), bool> _underWay = new();

    public void Set(Partition partition, string lane, string unit, string reason)
    {
        if (_underWay.TryAdd((partition, lane, unit), true))
        {
            _ = SetAsync(partition, new UnreadableEntry(unit, lane, reason, time.GetUtcNow()));
        }
    }

    private async Task SetAsync(Partition partition, UnreadableEntry entry)
    {
        await settler.SetAsideAsync(partition, entry);
        _underWay.TryRemove((partition, entry.Lane, entry.Unit), out _);
    }
}
