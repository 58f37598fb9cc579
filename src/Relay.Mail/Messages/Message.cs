using Relay.Smtp.Addresses;

namespace Relay.Mail.Messages;

/// <summary>
/// What we accepted: immutable from the 250 or 202 on. Its header fields (<see cref="From"/>, <see cref="Subject"/>,
/// <see cref="MessageIdHeader"/>) are copies for people and are never written back into the content.
/// </summary>
public sealed record Message
{
    public required MessageId Id { get; init; }
    public required string Account { get; init; }

    /// <summary>Id of the credential it came with; never the key.</summary>
    public required string Credential { get; init; }

    public required MessageSource Source { get; init; }
    public MessageMode Mode { get; init; }
    public MessageClass Class { get; init; }

    /// <summary>The list or kind of mail that recipients can be done with by itself (<see cref="StreamName"/>); null is none.</summary>
    public string? Stream { get; init; }

    public required Envelope Envelope { get; init; }
    /// <summary>
    /// The address of ours that the world is told as sender, so that bounces come back to us; null where it is told the
    /// envelope's own. Given once: every attempt says the same.
    /// </summary>
    public EnvelopeAddress? ReturnPath { get; init; }

    /// <summary>The match of the route (<see cref="Routes.InboundRoute"/>) to whose webhook it goes; null where it goes by mail.</summary>
    public string? Webhook { get; init; }

    public required MessageContent Content { get; init; }
    public required DateTimeOffset AcceptedAt { get; init; }

    /// <summary>Not before this time; null is at once.</summary>
    public DateTimeOffset? SendAt { get; init; }

    /// <summary>Its turn in the rate of its key; null is at once.</summary>
    public DateTimeOffset? PacedTo { get; init; }

    /// <summary>Given up at this time; null is the delivery's own expiry, counted from <see cref="DueAt"/>.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>The From header, decoded for people.</summary>
    public string From { get; init; } = "";

    /// <summary>The Subject header, decoded for people.</summary>
    public string Subject { get; init; } = "";

    /// <summary>The Message-ID header without its angle brackets.</summary>
    public string MessageIdHeader { get; init; } = "";

    /// <summary>What DMARC will pass by; null for what did not come through the gate.</summary>
    public Alignment? Alignment { get; init; }

    public IReadOnlyList<string> Tags { get; init; } = [];
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = EmptyMetadata;

    /// <summary>The key by which it is known when it comes again (<see cref="Queue.IdempotencyKey.IsOfMail"/>); null as a rule. The queue gives it.</summary>
    public string? RepeatKey { get; init; }

    /// <summary>A failure goes to the envelope sender as a report (RFC 3464), where NOTIFY allows it.</summary>
    public bool ReportsFailures { get; init; }

    /// <summary>The W3C <c>traceparent</c> of the request that brought it; null when it was not traced.</summary>
    public string? TraceParent { get; init; }

    /// <summary>What MAIL FROM says towards the world; null is the empty reverse-path.</summary>
    public EnvelopeAddress? WireSender => ReturnPath ?? Envelope.Sender;

    /// <summary>When the first attempt is due.</summary>
    public DateTimeOffset DueAt => Later(Later(AcceptedAt, SendAt), PacedTo);

    private static DateTimeOffset Later(DateTimeOffset one, DateTimeOffset? other) => other is { } time && time > one ? time : one;

    private static readonly IReadOnlyDictionary<string, string> EmptyMetadata =
        System.Collections.Frozen.FrozenDictionary<string, string>.Empty;
}

public enum MessageSource
{
    Smtp,
    Http,

    /// <summary>Our own delivery status notification.</summary>
    Report,

    /// <summary>Of the world, by a route of the account.</summary>
    Inbound,
}

public enum MessageMode
{
    Live,

    /// <summary>Walks the whole path but for the last hop, and ends in the inbox.</summary>
    Test,
}

public enum MessageClass
{
    Transactional,
    Bulk,

    /// <summary>For the account and not from it: what the world writes to a route of it, and our reports. No rate of its sending holds it back.</summary>
    Inbound,
}
