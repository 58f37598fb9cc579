namespace Relay.Delivery.Sending;

/// <summary>What an attempt came to for one recipient.</summary>
/// <param name="Reply">The remote's words on one line; where no remote spoke, ours.</param>
internal abstract record Outcome(string Reply)
{
    /// <summary>The remote took responsibility.</summary>
    public sealed record Delivered(string Reply) : Outcome(Reply);

    /// <summary>Temporary until proven permanent: tried again.</summary>
    public sealed record Deferred(string Reply, string Rule) : Outcome(Reply);

    /// <summary>No later attempt can end differently.</summary>
    /// <param name="Status">The enhanced code of the failure, class 5.</param>
    public sealed record Bounced(string Reply, string Status, string Rule) : Outcome(Reply);

    /// <summary>The final dot was sent and no answer seen: the remote may have the message, or not.</summary>
    public sealed record Uncertain(string Reply, string Rule = DeliveryRules.Uncertain) : Outcome(Reply);
}

/// <summary>With whom an attempt was made, as far as it came.</summary>
internal readonly record struct Contact(string? Host, string? Address, string? Tls);
