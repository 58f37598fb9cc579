using Relay.Mail.Messages;

namespace Relay.Mail.Events;

/// <summary>What is known of messages. It sees an event as soon as the step that caused it is durable, so a message is never missing after its 202.</summary>
public interface IActivityReader
{
    /// <summary>Null when the account has no such message, or no longer.</summary>
    ValueTask<MessageActivity?> FindAsync(string account, MessageId id, CancellationToken cancellation);

    /// <summary>An account's messages, newest first, that are older than <paramref name="before"/>; at most <paramref name="limit"/>.</summary>
    ValueTask<IReadOnlyList<MessageActivity>> ListAsync(string account, MessageId? before, int limit, CancellationToken cancellation);
}

/// <param name="Events">In the order in which they happened; the first is <see cref="MailEventType.Accepted"/>.</param>
public sealed record MessageActivity(MessageId Id, MessageSummary Summary, IReadOnlyList<MailEvent> Events)
{
    /// <summary>How each recipient stands after these events, in the order of the summary.</summary>
    public IReadOnlyList<RecipientStatus> Recipients() => [.. Summary.Recipients.Select(StatusOf)];

    /// <summary>Nothing of it is under way any more.</summary>
    public bool IsOver() => Recipients().All(recipient => recipient.HasEnded);

    /// <summary>The same was told before.</summary>
    public bool Has(MailEvent told) => Events.Any(e => e.Type == told.Type && e.Recipient == told.Recipient);

    private RecipientStatus StatusOf(string recipient)
    {
        var status = new RecipientStatus(recipient, RecipientState.Queued, null);
        foreach (var e in Events)
        {
            // An attempt whose outcome comes late, when another has ended it already, changes nothing.
            if (e.Recipient == recipient && StateAfter(e.Type) is { } state && !(status.HasEnded && state == RecipientState.Deferred))
            {
                status = new RecipientStatus(recipient, state, e);
            }
        }

        return status;
    }

    // What a reader does with a message (opened, clicked) tells nothing new about where it is.
    private static RecipientState? StateAfter(MailEventType type) => type switch
    {
        MailEventType.Deferred or MailEventType.Uncertain => RecipientState.Deferred,
        MailEventType.Delivered => RecipientState.Delivered,
        MailEventType.Bounced => RecipientState.Bounced,
        MailEventType.Expired => RecipientState.Expired,
        MailEventType.Suppressed => RecipientState.Suppressed,
        MailEventType.Cancelled => RecipientState.Cancelled,
        MailEventType.Complained => RecipientState.Complained,
        _ => null,
    };
}

/// <param name="Last">The event that brought it there; null while nothing was tried.</param>
public sealed record RecipientStatus(string Email, RecipientState State, MailEvent? Last)
{
    /// <summary>It is not under way any more.</summary>
    public bool HasEnded => State is not (RecipientState.Queued or RecipientState.Deferred);
}

public enum RecipientState
{
    Queued,
    Deferred,
    Delivered,
    Bounced,
    Expired,
    Suppressed,
    Cancelled,
    Complained,
}
