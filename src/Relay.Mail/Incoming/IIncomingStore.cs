using Relay.Mail.Events;
using Relay.Mail.Messages;

namespace Relay.Mail.Incoming;

/// <summary>Keeps what the world tells of mail that has left.</summary>
/// <exception cref="Queue.StoreUnavailableException">From every method but <see cref="TellAsync"/>: the store does not answer, or has no room.</exception>
public interface IIncomingStore
{
    /// <summary>The message, whosever it is; null when it was never ours, or is forgotten.</summary>
    ValueTask<MessageActivity?> FindAsync(MessageId id, CancellationToken cancellation);

    /// <summary>
    /// Writes what was told, and accepts the reports that follow from it, in one atomic step; durable on
    /// <see cref="TellResult.Told"/>. No event of a kind is told of a recipient twice by those who tell it at the same time,
    /// or within an hour.
    /// </summary>
    ValueTask<TellResult> TellAsync(Telling telling, CancellationToken cancellation);

    /// <summary>Keeps a mail that nobody could make anything of, for whoever looks; the newest of them.</summary>
    ValueTask KeepAsideAsync(AsideMail mail, CancellationToken cancellation);

    /// <summary>What is kept aside, newest first.</summary>
    ValueTask<IReadOnlyList<AsideMail>> ListAsideAsync(CancellationToken cancellation);
}

/// <summary>What was told of one message.</summary>
/// <param name="Events">At least one, all of this message and each of a recipient.</param>
/// <param name="Reports">To its sender. Their ids share the slot of the message.</param>
/// <param name="IsOver">Nothing of the message is under way any more, so it is forgotten a while after this.</param>
public sealed record Telling(MessageId Message, IReadOnlyList<MailEvent> Events, IReadOnlyList<Message> Reports, bool IsOver);

public enum TellResult
{
    Told,

    /// <summary>Some of it was told before, so nothing was written: look at the message anew.</summary>
    ToldBefore,

    StoreFull,

    /// <summary>The store is away or slow. Whether it was written is not known; told again, it is told once.</summary>
    StoreUnavailable,
}

/// <summary>A mail kept aside.</summary>
public sealed record AsideMail
{
    /// <summary>How many are kept; older ones give way. So many of those about a message, and so many others: these anybody can send.</summary>
    public const int Most = 200;

    /// <summary>Octets of the content that are kept.</summary>
    public const int MaxContent = 32 * 1024;

    public required MessageId Id { get; init; }
    public required DateTimeOffset Time { get; init; }

    /// <summary>Why nobody could make anything of it.</summary>
    public required string Reason { get; init; }

    public required string Recipient { get; init; }

    /// <summary>The reverse-path; empty for the null sender.</summary>
    public required string Sender { get; init; }

    /// <summary>The address that brought it.</summary>
    public required string Client { get; init; }

    /// <summary>The message that the address was made for; null where it was made for none.</summary>
    public MessageId? About { get; init; }

    /// <summary>Octets of the whole.</summary>
    public required long Length { get; init; }

    /// <summary>Its first octets, at most <see cref="MaxContent"/>.</summary>
    public required byte[] Content { get; init; }
}
