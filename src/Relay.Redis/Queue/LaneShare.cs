namespace Relay.Redis.Queue;

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

    /// <summary>What <see cref="NextInStore"/> was when the last read began.</summary>
    public long ReadFrom { get; set; } = Nothing;

    /// <summary>The lane was not read since this share was made, so there may be units that nobody told of.</summary>
    public bool IsBlind { get; set; } = true;

    /// <summary>Entries to read beyond those held and wanted, since the last read found nothing new.</summary>
    public int Further { get; set; }

    /// <summary>There was no room for what was read: it is not read again before this time.</summary>
    public long NotBefore { get; set; }

    public bool IsRefilling { get; set; }
    public bool IsQueued { get; set; }

    /// <summary>Its partition is away.</summary>
    public bool IsParked { get; set; }

    /// <summary>There is something to read that nobody reads yet.</summary>
    public bool IsToBeRead(long now) => this is { IsQueued: false, IsRefilling: false, IsParked: false } && NextInStore <= now && NotBefore <= now && IsCurrent;

    /// <summary>Still the lane's: not forgotten, nor its partition dropped.</summary>
    public bool IsCurrent => Turn.ShareIn(Partition) == this;

    /// <summary>Nothing is held and nothing is due: the lane's lower bound in the store can stand for it.</summary>
    public bool IsQuiet(long now) => this is { Held: 0, IsRefilling: false, IsQueued: false, IsParked: false } && NextInStore > now && IsCurrent;
}
