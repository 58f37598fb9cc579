namespace Relay.Intake.Http.Queue;

/// <summary>Which waiting mail is meant, and why: at least one of the first four, and mail must fit all that are given.</summary>
internal sealed record QueueRequest
{
    /// <summary>Whose mail, by the account's id. Only the admin key may name another than its own.</summary>
    public string? Account { get; init; }

    /// <summary>The recipients' domain.</summary>
    public string? Domain { get; init; }

    /// <summary><c>transactional</c>, <c>bulk</c>, or <c>inbound</c>: what comes in for a route, and reports.</summary>
    public string? Class { get; init; }

    /// <summary>One message, by its id.</summary>
    public string? Message { get; init; }

    /// <summary>For people: it is kept, and told wherever the effect shows.</summary>
    public string? Reason { get; init; }

    /// <summary>With a suspension: when it ends by itself.</summary>
    public DateTimeOffset? Until { get; init; }
}
