using System.Diagnostics.CodeAnalysis;
using Relay.Mail.Queue;

namespace Relay.Redis.Queue;

/// <summary>
/// The units that this node knows of. A unit is leased once because it stands here from before it can be seen in the store
/// until after it is gone from it: what ended while the store was being read is forgotten only when every read that may have
/// seen it has come back. Guarded by the window's lock.
/// </summary>
internal sealed class HeldUnits
{
    private readonly Dictionary<UnitId, HeldUnit> _units = [];
    private readonly Dictionary<Partition, Reads> _reads = [];

    private volatile int _awaited;

    public int Count => _units.Count;

    /// <summary>Leased units that are claimed. The one thing here that may be asked without the lock.</summary>
    public int Awaited => _awaited;

    public bool Contains(UnitId id) => _units.ContainsKey(id);

    public bool TryGet(UnitId id, [NotNullWhen(true)] out HeldUnit? held) => _units.TryGetValue(id, out held);

    public bool TryGet(UnitId id, HeldPhase phase, [NotNullWhen(true)] out HeldUnit? held) =>
        _units.TryGetValue(id, out held) && held.Phase == phase;

    public IEnumerable<HeldUnit> In(HeldPhase phase) => _units.Values.Where(held => held.Phase == phase);

    public HeldUnit Add(UnitId id, LaneShare share, long due, HeldPhase phase)
    {
        var held = new HeldUnit(id, share, due) { Phase = phase };
        _units[id] = held;
        share.Held++;
        return held;
    }

    public void Forget(HeldUnit held)
    {
        // A partition that was lost and won again may have found the same unit anew: that one stays.
        if (_units.TryGetValue(held.Id, out var known) && known == held)
        {
            _units.Remove(held.Id);
            held.Share.Held--;
            MarkAwaited(held, false);
        }
    }

    /// <summary>A leased unit is claimed for when it comes back, or is not any more.</summary>
    public void MarkAwaited(HeldUnit held, bool isAwaited)
    {
        if (held.IsAwaited != isAwaited)
        {
            held.IsAwaited = isAwaited;
            _awaited += isAwaited ? 1 : -1;
        }
    }

    /// <summary>The store has the unit no more, or not as it was. False when it is to be known until the reads on their way are back.</summary>
    public bool TryEnd(HeldUnit held)
    {
        if (!_reads.TryGetValue(held.Share.Partition, out var reads))
        {
            Forget(held);
            return true;
        }

        held.Phase = HeldPhase.Gone;
        held.Lease = null;
        reads.Ended.Add(held);
        return false;
    }

    public void BeginRead(Partition partition)
    {
        if (!_reads.TryGetValue(partition, out var reads))
        {
            _reads[partition] = reads = new Reads();
        }

        reads.Running++;
    }

    /// <summary>Returns the units that are forgotten with it.</summary>
    public IReadOnlyList<HeldUnit> EndRead(Partition partition)
    {
        var reads = _reads[partition];
        if (--reads.Running > 0)
        {
            return [];
        }

        _reads.Remove(partition);
        reads.Ended.ForEach(Forget);
        return reads.Ended;
    }

    /// <summary>Forgets a partition's units but for those that are leased: these end by themselves.</summary>
    public void Drop(Partition partition)
    {
        foreach (var held in _units.Values.Where(h => h.Share.Partition == partition && h.Phase != HeldPhase.Leased).ToList())
        {
            _units.Remove(held.Id);
        }
    }

    /// <summary>The reads running in a partition, and the units that ended meanwhile.</summary>
    private sealed class Reads
    {
        public int Running { get; set; }

        public List<HeldUnit> Ended { get; } = [];
    }
}
