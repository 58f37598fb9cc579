using Relay.Smtp.Addresses;

namespace Relay.Mail.Messages;

/// <summary>What the sender asked of the transport, apart from the content: who sends, to whom, and how to report (RFC 5321, 2.3.1; RFC 3461).</summary>
public sealed record Envelope
{
    /// <summary>The reverse-path; null is the empty one, <c>&lt;&gt;</c>, and stays so.</summary>
    public EnvelopeAddress? Sender { get; init; }

    /// <summary>At least one; no address twice.</summary>
    public required IReadOnlyList<Recipient> Recipients { get; init; }

    /// <summary>Whether a failure report returns the whole content or its header (RFC 3461, 4.3).</summary>
    public DsnReturn Return { get; init; }

    /// <summary>The sender's own name for the transaction, decoded (RFC 3461, 4.4).</summary>
    public string? EnvelopeId { get; init; }

    /// <summary>The sender declared BODY=8BITMIME (RFC 6152).</summary>
    public bool EightBitMime { get; init; }

    /// <summary>The sender declared SMTPUTF8, so header and addresses may hold UTF-8 (RFC 6531).</summary>
    public bool SmtpUtf8 { get; init; }

    /// <summary>What the sender demands of the way, beyond what the destination's own policy does.</summary>
    public TlsDemand Tls { get; init; }
}

/// <summary>One recipient and how its outcome is to be reported.</summary>
public sealed record Recipient
{
    public required EnvelopeAddress Address { get; init; }

    /// <summary>Null when the sender said nothing, which means <see cref="DsnNotify.Failure"/> (RFC 3461, 4.1).</summary>
    public DsnNotify? Notify { get; init; }

    /// <summary>The ORCPT parameter, decoded, with its address type: <c>rfc822;user@example.com</c>.</summary>
    public string? OriginalRecipient { get; init; }
}

public enum DsnReturn
{
    /// <summary>The sender left it to us: the header.</summary>
    Unspecified,
    Full,
    Headers,
}

/// <summary>What a connection has to prove before a message goes over it.</summary>
public enum TlsDemand
{
    /// <summary>What the destination publishes (MTA-STS, DANE) or its route demands; where neither does, TLS if it can be had.</summary>
    Policy,

    /// <summary>The sender would rather have it arrive than be safe: <c>TLS-Required: No</c> (RFC 8689, 5).</summary>
    Waived,

    /// <summary>TLS to a host that proves its name, or no delivery.</summary>
    Verified,

    /// <summary>As <see cref="Verified"/>, and every host behind it must hold to it too: REQUIRETLS (RFC 8689).</summary>
    RequireTls,
}

[Flags]
public enum DsnNotify
{
    Never = 0,
    Success = 1,
    Failure = 2,
    Delay = 4,
}
