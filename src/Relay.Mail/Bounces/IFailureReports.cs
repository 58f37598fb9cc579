using Relay.Mail.Messages;

namespace Relay.Mail.Bounces;

/// <summary>Turns what became of a message into a delivery status notification (RFC 3464) to the sender.</summary>
public interface IFailureReports
{
    /// <summary>
    /// The report, ready to be enqueued in the slot of the original; null when none is due: the sender is null, the
    /// message did not come by SMTP, its credential turned reports off, or NOTIFY excludes each of the recipients.
    /// </summary>
    Message? Compose(Message original, IReadOnlyList<FailedRecipient> failures);

    /// <summary>
    /// The same for senders who asked to hear of success, where the host that took the message will tell them nothing
    /// (RFC 3461, 5.2.2). Null when none is due.
    /// </summary>
    Message? ComposeRelayed(Message original, IReadOnlyList<RelayedRecipient> relayed);
}

/// <param name="Index">Into the envelope's recipients.</param>
/// <param name="Status">Enhanced code of the failure, <c>5.1.1</c>.</param>
/// <param name="Reply">The remote's words, or ours.</param>
/// <param name="Host">The remote that said so; null when the words are ours.</param>
/// <param name="LastAttempt">When it was tried last.</param>
public sealed record FailedRecipient(int Index, string Status, string Reply, string? Host, DateTimeOffset LastAttempt);

/// <param name="Index">Into the envelope's recipients.</param>
/// <param name="Reply">The words with which it was taken.</param>
/// <param name="Host">Who took it.</param>
public sealed record RelayedRecipient(int Index, string Reply, string Host, DateTimeOffset Time);
