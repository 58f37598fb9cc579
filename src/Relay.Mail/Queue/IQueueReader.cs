namespace Relay.Mail.Queue;

/// <summary>Looks at the queue for people and gauges; takes no lease.</summary>
public interface IQueueReader
{
    /// <summary>Units waiting over all partitions, and when the longest waiting one was due.</summary>
    ValueTask<QueueDepth> MeasureAsync(CancellationToken cancellation);

    /// <summary>The lanes with their depth, deepest first, at most <paramref name="limit"/>; of one account, or of all when it is null.</summary>
    ValueTask<IReadOnlyList<LaneDepth>> ListLanesAsync(string? account, int limit, CancellationToken cancellation);
}

/// <param name="Unreadable">Entries set aside since they cannot be read: kept, but nobody sends them.</param>
public sealed record QueueDepth(long Units, DateTimeOffset? EarliestDue, long Unreadable = 0);

public sealed record LaneDepth(Lane Lane, long Units, DateTimeOffset EarliestDue);
