using Relay.Mail.Messages;
using Relay.Mail.Queue;

namespace Relay.Redis.Queue;

/// <summary>A unit that this node knows of. While it is known, nothing read from the store can lead to a second lease.</summary>
internal sealed class HeldUnit(UnitId id, LaneShare share, long due)
{
    public UnitId Id { get; } = id;
    public LaneShare Share { get; } = share;

    /// <summary>Unix milliseconds.</summary>
    public long Due { get; } = due;

    public HeldPhase Phase { get; set; }
    public Lease? Lease { get; set; }
    public int Octets { get; set; }

    /// <summary>Leased, and claimed for when it comes back untried.</summary>
    public bool IsAwaited { get; set; }

    /// <summary>Leased, and its final dot may have been sent.</summary>
    public bool IsPastDot { get; set; }
}

internal enum HeldPhase
{
    /// <summary>Being written; it may show up in the store before its own answer is seen.</summary>
    Accepting,

    /// <summary>Found in the store; its record is being read.</summary>
    Loading,

    /// <summary>Ready to be leased.</summary>
    Waiting,

    Leased,

    /// <summary>Found without its record; looked at again after a while.</summary>
    Missing,

    /// <summary>Its message is suspended.</summary>
    Suspended,

    /// <summary>In the hands of whoever does what was asked of the owner.</summary>
    Claimed,

    /// <summary>No longer ours to lease: settled, or being set aside. Known until every refill that began before has come back.</summary>
    Gone,
}

/// <summary>One partition's part of a lane: what of it is held here, and what is known to be only in the store.</summary>
internal sealed class LaneShare(Partition partition, LaneTurn turn)
{
    public const long Nothing = long.MaxValue;

    public Partition Partition { get; } = partition;
    public LaneTurn Turn { get; } = turn;

    /// <summary>Units held, in whatever phase.</summary>
    public int Held { get; set; }

    /// <summary>Units that are only in the store are due at this time or later; <see cref="Nothing"/> when there are none.</summary>
    public long NextInStore { get; set; } = Nothing;

    /// <summary>The lane was not read since this share was made, so there may be units that nobody told of.</summary>
    public bool IsBlind { get; set; } = true;

    /// <summary>Entries to read beyond those held and wanted, since the last read found nothing new.</summary>
    public int Further { get; set; }

    public bool IsRefilling { get; set; }
    public bool IsQueued { get; set; }
}

/// <summary>A lane's place in the order of turns, over all partitions: an account's lane gets one turn, not one a partition.</summary>
internal sealed class LaneTurn(Lane lane)
{
    private readonly PriorityQueue<HeldUnit, (long Due, MessageId Message, int Number)> _waiting = new();

    public Lane Lane { get; } = lane;

    public Dictionary<int, LaneShare> Shares { get; } = [];

    /// <summary>In the list of turns; only with units waiting.</summary>
    public LinkedListNode<LaneTurn>? Node { get; set; }

    public int Waiting => _waiting.Count;

    public void Add(HeldUnit unit) => _waiting.Enqueue(unit, (unit.Due, unit.Id.Message, unit.Id.Number));

    public HeldUnit Take() => _waiting.Dequeue();

    /// <summary>Takes out all that wait and do not pass; the rest stays in order.</summary>
    public List<HeldUnit> RemoveWhere(Func<HeldUnit, bool> goes)
    {
        var removed = new List<HeldUnit>();
        var kept = new List<HeldUnit>(_waiting.Count);
        while (_waiting.TryDequeue(out var unit, out _))
        {
            (goes(unit) ? removed : kept).Add(unit);
        }

        foreach (var unit in kept)
        {
            Add(unit);
        }

        return removed;
    }
}
