using System.Collections.Concurrent;
using Relay.Redis.Records;

namespace Relay.Redis.Queue;

/// <summary>
/// Has set aside what cannot be read, each entry once: a step takes a while, and a full store takes none, while the same
/// entry is read again and again; and a read that began before the step may bring it after. Nobody waits for it.
/// </summary>
internal sealed class Aside(SettleWriter settler, TimeProvider time)
{
    private readonly ConcurrentDictionary<(Partition Partition, string Lane, string Unit), bool> _known = new();
    private readonly ConcurrentQueue<(Partition Partition, string Lane, string Unit)> _gone = new();

    /// <summary>Reads begin, and all before them are over: none shows what is gone by now.</summary>
    public void BeginReads()
    {
        while (_gone.TryDequeue(out var entry))
        {
            _known.TryRemove(entry, out _);
        }
    }

    public void Set(Partition partition, string lane, string unit, string reason)
    {
        if (_known.TryAdd((partition, lane, unit), true))
        {
            _ = SetAsync(partition, new UnreadableEntry(unit, lane, reason, time.GetUtcNow()));
        }
    }

    private async Task SetAsync(Partition partition, UnreadableEntry entry)
    {
        await settler.SetAsideAsync(partition, entry);
        _gone.Enqueue((partition, entry.Lane, entry.Unit));
    }
}
