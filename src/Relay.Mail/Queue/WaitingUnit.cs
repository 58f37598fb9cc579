using Relay.Mail.Messages;

namespace Relay.Mail.Queue;

/// <summary>A unit as people look at it.</summary>
/// <param name="State">Null before its first deferral, or when its record cannot be read.</param>
/// <param name="Recipients">Those still open; empty when its record cannot be read.</param>
public sealed record WaitingUnit(UnitId Id, Lane Lane, DateTimeOffset DueAt, UnitState? State, IReadOnlyList<string> Recipients)
{
    /// <summary>Null when its record cannot be read.</summary>
    public MessageMode? Mode { get; init; }

    public UnitPosition Position => new(DueAt, Id);
}

/// <summary>A place in a lane: behind this unit.</summary>
public readonly record struct UnitPosition(DateTimeOffset DueAt, UnitId Unit) : IComparable<UnitPosition>
{
    // As sorted sets order equal scores: by the octets of the member.
    public int CompareTo(UnitPosition other) =>
        DueAt != other.DueAt ? DueAt.CompareTo(other.DueAt) : string.CompareOrdinal(Unit.ToString(), other.Unit.ToString());
}
