namespace Relay.Mail.Queue;

/// <summary>Something asked of a partition's owner, who alone changes units.</summary>
public sealed record QueueAsk
{
    /// <summary>The answer goes under this id.</summary>
    public required string Id { get; init; }

    public required AskKind Kind { get; init; }
    public required QueueSelector Selector { get; init; }

    /// <summary>For people: it becomes the reply in the events. Empty where none is needed.</summary>
    public string Reason { get; init; } = "";

    /// <summary>The credential that asked, by its id.</summary>
    public required string By { get; init; }

    /// <summary>Mail accepted later is not meant.</summary>
    public required DateTimeOffset AskedAt { get; init; }
}

public enum AskKind
{
    /// <summary>The sender wants it no more: it ends without a report.</summary>
    Cancel,

    /// <summary>It ends as failed, with the report that any failure causes.</summary>
    Bounce,

    /// <summary>What was put off is due now, and whatever keeps its hosts from being tried is forgotten.</summary>
    Retry,
}

/// <param name="IsDone">Everything asked was done. Otherwise it was kept and goes on: its owner is busy with it, silent, or there is none now.</param>
/// <param name="Units">Units that it changed so far.</param>
/// <param name="InProgress">Units of a single message past their final dot: they end as the remote says, and were left alone.</param>
public sealed record AskAnswer(bool IsDone, long Units, IReadOnlyList<UnitId> InProgress)
{
    public static readonly AskAnswer NotYet = new(false, 0, []);
}
