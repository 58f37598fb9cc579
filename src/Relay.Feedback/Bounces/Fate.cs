using Relay.Mail.Bounces;

namespace Relay.Feedback.Bounces;

/// <summary>What a report says of one recipient.</summary>
/// <param name="Action">As programs read it (RFC 3464, 2.3.3).</param>
/// <param name="Host">The remote that said so; null when the words are ours.</param>
internal sealed record Fate(int Index, string Action, string Status, string Reply, string? Host, DateTimeOffset Time)
{
    // RFC 3463, 3.2: relayed to a system that does not speak this protocol, so nothing more can be told.
    private const string RelayedStatus = "2.1.9";

    public static Fate Of(FailedRecipient failed) => new(failed.Index, "failed", failed.Status, failed.Reply, failed.Host, failed.LastAttempt);

    public static Fate Of(RelayedRecipient relayed) => new(relayed.Index, "relayed", RelayedStatus, relayed.Reply, relayed.Host, relayed.Time);
}
