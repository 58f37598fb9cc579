using System.Text;
using MimeKit;
using Relay.Mail.Messages;

namespace Relay.Intake.Composition;

/// <summary>
/// Writes a letter as a message (RFC 5322, RFC 2045): CRLF throughout, no line above 998 octets, seven bits except in a
/// header that needs SMTPUTF8, so that any server takes it. Who gets a blind copy is not in it.
/// </summary>
internal static class Composer
{
    // The limit of the transport (RFC 5321, 4.5.3.1.6); what is longer is encoded.
    public const int MaxLineLength = 998;

    public static byte[] Write(Letter letter, MessageId id, DateTimeOffset now)
    {
        using var message = new MimeMessage();
        message.From.Add(AddressOf(letter.From));
        message.To.AddRange(letter.To.Select(AddressOf));
        message.Cc.AddRange(letter.Cc.Select(AddressOf));
        message.ReplyTo.AddRange(letter.ReplyTo.Select(AddressOf));
        message.Subject = letter.Subject;
        message.Date = now;
        message.MessageId = MessageIdOf(letter, id);
        foreach (var (name, value) in letter.Headers)
        {
            message.Headers.Add(new Header(Encoding.UTF8, name, value));
        }

        message.Body = BodyOf(letter);
        message.Prepare(EncodingConstraint.SevenBit, MaxLineLength);
        return Write(message, letter.NeedsSmtpUtf8);
    }

    /// <summary>Without its angle brackets. It follows from id and author alone, so a repeated request can be answered from itself.</summary>
    public static string MessageIdOf(Letter letter, MessageId id) => $"{id}@{letter.From.Address.Domain}";

    private static byte[] Write(MimeMessage message, bool smtpUtf8)
    {
        var format = FormatOptions.Default.Clone();
        format.NewLineFormat = NewLineFormat.Dos;
        format.International = smtpUtf8;
        format.EnsureNewLine = true;

        using var stream = new MemoryStream();
        message.WriteTo(format, stream);
        return stream.ToArray();
    }

    // mixed( alternative( text, related( html, inline… ) ), attachment… ), each level only where it is needed.
    private static MimeEntity BodyOf(Letter letter)
    {
        var inline = letter.Html is null ? [] : letter.Attachments.Where(part => part.ContentId is not null).ToList();
        var attached = letter.Attachments.Except(inline).ToList();

        var body = WordsOf(letter, inline);
        if (attached.Count == 0)
        {
            return body ?? TextOf("plain", "");
        }

        var mixed = new Multipart("mixed");
        if (body is not null)
        {
            mixed.Add(body);
        }

        attached.ForEach(part => mixed.Add(PartOf(part, ContentDisposition.Attachment)));
        return mixed;
    }

    private static MimeEntity? WordsOf(Letter letter, IReadOnlyList<Attachment> inline)
    {
        var text = letter.Text is null ? null : TextOf("plain", letter.Text);
        var html = letter.Html is null ? null : HtmlOf(letter.Html, inline);
        return text is not null && html is not null ? new MultipartAlternative { text, html } : text ?? html;
    }

    private static MimeEntity HtmlOf(string html, IReadOnlyList<Attachment> inline)
    {
        var page = TextOf("html", html);
        if (inline.Count == 0)
        {
            return page;
        }

        var related = new MultipartRelated { Root = page };
        foreach (var part in inline)
        {
            related.Add(PartOf(part, ContentDisposition.Inline));
        }

        return related;
    }

    // A lone CR or LF in JSON is a line end that someone meant; on the wire it would be an attack.
    private static TextPart TextOf(string subtype, string text)
    {
        var part = new TextPart(subtype);
        part.SetText(Encoding.UTF8, text
            .Replace("\r\n", "\n", StringComparison.Ordinal)
            .Replace('\r', '\n')
            .Replace("\n", "\r\n", StringComparison.Ordinal));
        return part;
    }

    private static MimePart PartOf(Attachment attachment, string disposition)
    {
        var part = new MimePart(attachment.ContentType)
        {
            ContentDisposition = new ContentDisposition(disposition),
            ContentTransferEncoding = ContentEncoding.Base64,
            Content = new MimeContent(new MemoryStream(attachment.Content, writable: false)),
            FileName = attachment.FileName,
        };
        if (attachment.ContentId is { } contentId)
        {
            part.Headers.Add(HeaderId.ContentId, $"<{contentId}>");
        }

        return part;
    }

    private static MailboxAddress AddressOf(Mailbox mailbox) => new(Encoding.UTF8, mailbox.Name, mailbox.Address.AsciiDomainText);
}
