using System.Text.Json;
using System.Text.Json.Serialization;
using MimeKit;
using Relay.Mail.Messages;
using Relay.Mail.Routes;

namespace Relay.Delivery.Hooks;

/// <summary>What is posted of a mail: the envelope, the mail as it is read, and as it came.</summary>
internal sealed record WebhookBody(string Type, DateTimeOffset Timestamp, WebhookMail Data)
{
    // Deeper than any mail program nests; what is below is left unread.
    private static readonly ParserOptions Bounded = new() { MaxMimeDepth = 32 };

    // A list of more says nothing to anybody.
    private const int MostHeaders = 1_000;

    public static byte[] Write(Message message, InboundRoute route, byte[] raw) => JsonSerializer.SerializeToUtf8Bytes(
        new WebhookBody(
            "mail.received",
            message.AcceptedAt,
            Read(raw) with
            {
                Id = message.Id.ToString(),
                Route = route.Match,
                Sender = message.Envelope.Sender?.Text ?? "",
                Recipients = [.. message.Envelope.Recipients.Select(recipient => recipient.Address.Text)],
                Raw = raw,
            }),
        WebhookJson.Default.WebhookBody);

    // Whatever it is, it goes out raw.
    private static WebhookMail Read(byte[] raw)
    {
        try
        {
            new MimeCount(Bounded, new MemoryStream(raw, writable: false)).ReadMessage();
            using var mail = MimeMessage.Load(Bounded, new MemoryStream(raw, writable: false));
            return new WebhookMail
            {
                From = mail.From.ToString(),
                To = mail.To.ToString(),
                Cc = mail.Cc.ToString(),
                Subject = mail.Subject,
                Date = mail.Headers.Contains(HeaderId.Date) ? mail.Date : null,
                MessageId = mail.MessageId,
                InReplyTo = mail.InReplyTo,
                Text = mail.TextBody,
                Html = mail.HtmlBody,
                Headers = [.. mail.Headers.Take(MostHeaders).Select(header => new WebhookHeader(header.Field, header.Value))],
                Attachments = [.. mail.Attachments.Select(part => new WebhookAttachment(part.ContentDisposition?.FileName ?? part.ContentType.Name, part.ContentType.MimeType))],
            };
        }
        catch (Exception e) when (e is FormatException or IOException or ArgumentException or InvalidOperationException or NotSupportedException)
        {
            return new WebhookMail();
        }
    }
}

internal sealed record WebhookMail
{
    public string Id { get; init; } = "";

    /// <summary>The domain or address that was routed.</summary>
    public string Route { get; init; } = "";

    /// <summary>The reverse-path; empty for the null sender.</summary>
    public string Sender { get; init; } = "";

    /// <summary>Of the envelope.</summary>
    public IReadOnlyList<string> Recipients { get; init; } = [];

    public string? From { get; init; }
    public string? To { get; init; }
    public string? Cc { get; init; }
    public string? Subject { get; init; }
    public DateTimeOffset? Date { get; init; }
    public string? MessageId { get; init; }
    public string? InReplyTo { get; init; }
    public string? Text { get; init; }
    public string? Html { get; init; }
    public IReadOnlyList<WebhookHeader> Headers { get; init; } = [];

    /// <summary>Their content stands in <see cref="Raw"/>.</summary>
    public IReadOnlyList<WebhookAttachment> Attachments { get; init; } = [];

    /// <summary>The mail as it came, our Received line on top, in base64.</summary>
    public byte[] Raw { get; init; } = [];
}

internal sealed record WebhookHeader(string Name, string Value);

internal sealed record WebhookAttachment(string? Filename, string ContentType);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(WebhookBody))]
internal sealed partial class WebhookJson : JsonSerializerContext;
