using Relay.Mail.Events;
using Relay.Mail.Messages;

namespace Relay.Mail.Queue;

/// <summary>The end of a lease: what becomes of the unit, what is told about it, and the reports it causes, all in one atomic step.</summary>
public sealed record Settlement
{
    public required Lease Lease { get; init; }

    /// <summary>What happened, in order; at least one event for each recipient that was tried.</summary>
    public required IReadOnlyList<MailEvent> Events { get; init; }

    /// <summary>The unit as it goes on waiting; null when it is finished, each of its recipients with a final outcome.</summary>
    public UnitState? Next { get; init; }

    /// <summary>When <see cref="Next"/> is due; set if and only if it is.</summary>
    public DateTimeOffset? DueAt { get; init; }

    /// <summary>The unit ends since it was taken back.</summary>
    public bool IsCancelled => Next is null && Events is [{ Type: MailEventType.Cancelled }, ..];

    /// <summary>Our own reports about the failures, accepted in the same step. Their ids share the slot of the lease's message.</summary>
    public IReadOnlyList<Message> Reports { get; init; } = [];
}
