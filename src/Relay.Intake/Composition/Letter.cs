using MimeKit;
using Relay.Smtp.Addresses;

namespace Relay.Intake.Composition;

/// <summary>What a message is to say, checked field by field; <see cref="Composer"/> turns it into octets.</summary>
internal sealed record Letter
{
    public required Mailbox From { get; init; }
    public IReadOnlyList<Mailbox> To { get; init; } = [];
    public IReadOnlyList<Mailbox> Cc { get; init; } = [];
    public IReadOnlyList<Mailbox> ReplyTo { get; init; } = [];
    public string Subject { get; init; } = "";
    public string? Text { get; init; }
    public string? Html { get; init; }
    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; init; } = [];
    public IReadOnlyList<Attachment> Attachments { get; init; } = [];

    /// <summary>A name outside ASCII before an @ cannot be written in a header without SMTPUTF8 (RFC 6532).</summary>
    public bool NeedsSmtpUtf8 => From.NeedsSmtpUtf8 || To.Concat(Cc).Concat(ReplyTo).Any(mailbox => mailbox.NeedsSmtpUtf8);
}

/// <param name="Name">For people; may be empty.</param>
internal sealed record Mailbox(EnvelopeAddress Address, string Name)
{
    /// <summary>A domain outside ASCII has its A-labels; a local part has no other form.</summary>
    public bool NeedsSmtpUtf8 => !System.Text.Ascii.IsValid(Address.LocalPart);
}

/// <param name="ContentId">What the HTML calls <c>cid:</c>; such a part belongs to the HTML, the others hang on the message.</param>
internal sealed record Attachment(string FileName, ContentType ContentType, string? ContentId, byte[] Content);
