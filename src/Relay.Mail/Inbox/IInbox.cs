using Relay.Mail.Messages;

namespace Relay.Mail.Inbox;

/// <summary>
/// Where messages sent with a test key end instead of at their recipients: readable for seven days, the newest thousand of an
/// account, and of these the newest that <see cref="MostOctets"/> hold.
/// </summary>
public interface IInbox
{
    /// <summary>Of one account.</summary>
    // Test mail counts towards no quota and is readable for a week: what scripts capture must not fill a store.
    const long MostOctets = 64 * 1024 * 1024;

    /// <summary>Of a larger message the content is not kept.</summary>
    // So that one mail does not drive out all the others.
    const long LargestKept = MostOctets / 4;

    /// <summary>Keeps a message; again with the same id changes nothing. May throw <see cref="Queue.StoreUnavailableException"/>.</summary>
    ValueTask CaptureAsync(Message message, CancellationToken cancellation);

    /// <summary>An account's captured messages, newest first, older than <paramref name="before"/>.</summary>
    ValueTask<IReadOnlyList<CapturedMessage>> ListAsync(string account, MessageId? before, int limit, CancellationToken cancellation);

    /// <summary>Null when the account has no such message, or no longer.</summary>
    ValueTask<CapturedMessage?> FindAsync(string account, MessageId id, CancellationToken cancellation);

    /// <summary>The whole content as it would have gone out; null when the account has no such message, or its content was not kept.</summary>
    ValueTask<ReadOnlyMemory<byte>?> ReadRawAsync(string account, MessageId id, CancellationToken cancellation);
}

public sealed record CapturedMessage
{
    public required MessageId Id { get; init; }
    public required DateTimeOffset ReceivedAt { get; init; }

    /// <summary>The envelope sender; empty for the null sender.</summary>
    public required string Sender { get; init; }

    public required IReadOnlyList<string> Recipients { get; init; }
    public required string From { get; init; }
    public required string Subject { get; init; }
    public required string MessageId { get; init; }
    public required long Size { get; init; }
    public required MessageSource Source { get; init; }

    /// <summary>Its content was too large to be kept: no more than this is known of it.</summary>
    public bool IsTooLarge { get; init; }

    public static CapturedMessage Of(Message message, DateTimeOffset receivedAt) => new()
    {
        Id = message.Id,
        ReceivedAt = receivedAt,
        Sender = message.Envelope.Sender?.Text ?? "",
        Recipients = [.. message.Envelope.Recipients.Select(recipient => recipient.Address.Text)],
        From = message.From,
        Subject = message.Subject,
        MessageId = message.MessageIdHeader,
        Size = message.Content.Length,
        Source = message.Source,
        IsTooLarge = message.Content.Length > IInbox.LargestKept,
    };
}
