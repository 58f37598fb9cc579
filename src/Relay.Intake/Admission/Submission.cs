using Relay.Intake.Limits;
using Relay.Mail.Accounts;
using Relay.Mail.Messages;
using Relay.Mail.Queue;

namespace Relay.Intake.Admission;

/// <summary>What a client offers, through whichever door, before we have said yes to it.</summary>
public sealed record Submission
{
    /// <summary>The id under which large content was already stored, chunk by chunk.</summary>
    public required MessageId Id { get; init; }

    public required Credential Credential { get; init; }
    public required MessageSource Source { get; init; }

    /// <summary>The recipients may still hold the same address twice.</summary>
    public required Envelope Envelope { get; init; }

    /// <summary>Our Received header line with its CRLF (RFC 5321, 4.4).</summary>
    public required ReadOnlyMemory<byte> Trace { get; init; }

    /// <summary>The first octets of the content, at most <see cref="MessageContent.ChunkBytes"/>.</summary>
    public required ReadOnlyMemory<byte> Head { get; init; }

    /// <summary>How many chunks were stored behind <see cref="Head"/>.</summary>
    public int Chunks { get; init; }

    /// <summary>Octets of the content as submitted, chunks included, trace not.</summary>
    public required long Length { get; init; }

    /// <summary>The hash of the body (<see cref="Mail.Signing.BodyDigest"/>), taken while it passed by; needed where there are chunks.</summary>
    public ReadOnlyMemory<byte> BodyHash { get; init; }

    public bool HasEightBit { get; init; }
    public MessageClass Class { get; init; }

    /// <summary>The stream that was named; null where none was.</summary>
    public string? Stream { get; init; }

    public DateTimeOffset? SendAt { get; init; }
    public DateTimeOffset? ExpiresAt { get; init; }
    public IReadOnlyList<string> Tags { get; init; } = [];
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();
    public IdempotencyKey? Idempotency { get; init; }

    /// <summary>How long the same mail is taken for a repetition of the first, without an Idempotency-Key (<see cref="Repeats"/>); zero for never.</summary>
    public TimeSpan RepeatsWithin { get; init; }
}

/// <summary>The gate's answer to a submission.</summary>
public abstract record AdmissionResult
{
    private AdmissionResult()
    {
    }

    /// <summary>Durable: the door may say 250 or 202.</summary>
    public sealed record Admitted(Message Message) : AdmissionResult;

    /// <summary>The idempotency key was used before with the same request; nothing was enqueued.</summary>
    public sealed record Replayed(MessageId First) : AdmissionResult;

    public sealed record Refused(Refusal Refusal) : AdmissionResult;
}

/// <summary>A no, in words that help; each door says it in its own codes.</summary>
/// <param name="Field">The field at fault as the HTTP API names it; null when it is not one field.</param>
public sealed record Refusal(RefusalReason Reason, string Text, string? Field = null)
{
    /// <summary>With <see cref="RefusalReason.QuotaExceeded"/>: which one.</summary>
    public QuotaExceeded? Quota { get; init; }

    /// <param name="recipients">Of the message that it has no room for.</param>
    internal static Refusal Of(QuotaExceeded quota, int recipients) => recipients <= quota.Limit
        ? new Refusal(RefusalReason.QuotaExceeded, quota.Words) { Quota = quota }
        // No patience makes room for it.
        : new Refusal(RefusalReason.NotAllowed, $"the message has {recipients} recipients, and {quota.Words}", "to");
}

public enum RefusalReason
{
    /// <summary>The credential may not send, not as this sender, or never so many recipients as the message has. 550 5.7.1, 403.</summary>
    NotAllowed,

    /// <summary>
    /// The credential was revoked or expired in the session that logged in with it. 421 4.7.0, since no mail is at fault: whoever sends for others
    /// would take a 550 for the end of theirs.
    /// </summary>
    KeyIsOver,

    /// <summary>The sender's or author's domain is not verified for the account. 550 5.7.1, 403.</summary>
    SenderNotVerified,

    /// <summary>A header field is missing, doubled or malformed. 550 5.6.0, 422.</summary>
    HeaderInvalid,

    /// <summary>More than 100 Received lines. 554 5.4.6, 422.</summary>
    Looping,

    /// <summary>No usable recipient. 554 5.5.1, 422.</summary>
    NoRecipients,

    /// <summary>The idempotency key was used for another request. 550 5.5.4, 422.</summary>
    IdempotencyMismatch,

    /// <summary>The account or the key has sent what it may in this day or month. 450 4.7.1, 429.</summary>
    QuotaExceeded,

    /// <summary>The store has no room. 452 4.3.1, 503.</summary>
    StoreFull,

    /// <summary>The store is away or slow. 451 4.3.0, 503.</summary>
    StoreUnavailable,
}
