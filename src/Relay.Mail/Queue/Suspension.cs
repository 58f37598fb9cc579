namespace Relay.Mail.Queue;

/// <summary>Mail that is kept waiting by someone's decision. Its expiry goes on all the same: a suspension is no life extension.</summary>
public sealed record Suspension
{
    public required string Id { get; init; }
    public required QueueSelector Selector { get; init; }

    /// <summary>For people; never empty.</summary>
    public required string Reason { get; init; }

    /// <summary>The credential that asked for it, by its id.</summary>
    public required string By { get; init; }

    /// <summary>Whoever runs the relay asked for it: an account cannot lift it.</summary>
    public bool ByOperator { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it ends by itself; null is never.</summary>
    public DateTimeOffset? Until { get; init; }

    public bool IsOver(DateTimeOffset now) => Until <= now;
}
