using Relay.Mail.Messages;
using Relay.Mail.Queue;

namespace Relay.Redis.Queue;

/// <summary>A unit that this node knows of. While it is known, nothing read from the store can lead to a second lease.</summary>
internal sealed class HeldUnit(UnitId id, LaneShare share, long due)
{
    public UnitId Id { get; } = id;
    public LaneShare Share { get; } = share;
    public LaneTurn Lane => Share.Turn;

    /// <summary>Unix milliseconds.</summary>
    public long Due { get; } = due;

    public HeldPhase Phase { get; set; }
    public Lease? Lease { get; set; }
    public int Octets { get; set; }

    /// <summary>Ended for now: due in the store again at this time, which counts from when the unit is forgotten.</summary>
    public long? ComesBackAt { get; set; }

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
