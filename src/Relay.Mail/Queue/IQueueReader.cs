using Relay.Mail.Messages;

namespace Relay.Mail.Queue;

/// <summary>Looks at the queue for people and gauges; takes no lease.</summary>
public interface IQueueReader
{
    /// <summary>Units waiting over all partitions, and when the longest waiting one was due.</summary>
    ValueTask<QueueDepth> MeasureAsync(CancellationToken cancellation);

    /// <summary>
    /// What waits of one account, or of all when it is null, and the deepest lanes. What it costs is bounded: where there are too
    /// many lanes to look at, of those that are due first.
    /// </summary>
    ValueTask<QueueOverview> LookAsync(string? account, int limit, CancellationToken cancellation);

    /// <summary>The lane's depth; null when nothing waits there.</summary>
    ValueTask<LaneDepth?> FindLaneAsync(Lane lane, CancellationToken cancellation);

    /// <summary>The lane's units in the order in which they are due, behind <paramref name="after"/>, at most <paramref name="limit"/>.</summary>
    ValueTask<IReadOnlyList<WaitingUnit>> ListUnitsAsync(Lane lane, UnitPosition? after, int limit, CancellationToken cancellation);

    /// <summary>The units of a message that have not ended, those in flight included.</summary>
    ValueTask<IReadOnlyList<WaitingUnit>> FindUnitsAsync(MessageId message, CancellationToken cancellation);

    /// <summary>The node that delivers this message; null while none does.</summary>
    ValueTask<MailOwner?> FindOwnerAsync(MessageId message, CancellationToken cancellation);
}

/// <param name="Unreadable">Entries set aside since they cannot be read: kept, but nobody sends them.</param>
/// <param name="IsExact">False where there are too many lanes to count now: as counted a little before, or of a part of them.</param>
public sealed record QueueDepth(long Units, DateTimeOffset? EarliestDue, long Unreadable = 0, bool IsExact = true);

/// <param name="Lanes">The deepest first.</param>
public sealed record QueueOverview(QueueDepth Depth, IReadOnlyList<LaneDepth> Lanes);

/// <param name="IsHere">It is this node.</param>
public sealed record MailOwner(string Node, bool IsHere);

public sealed record LaneDepth(Lane Lane, long Units, DateTimeOffset EarliestDue);
