using System.Runtime.InteropServices;
using MimeKit;
using Relay.Mail;
using Relay.Mail.Inbox;
using Relay.Mail.Messages;

namespace Relay.Intake.Http.Inbox;

/// <summary>A captured message as people want to see it.</summary>
internal sealed record CapturedView
{
    public const string TooLarge = "its content was larger than the inbox keeps";

    // Deeper than any mail program nests; what is below is left unread.
    private static readonly ParserOptions Bounded = new() { MaxMimeDepth = 32 };

    public required string Id { get; init; }
    public required DateTimeOffset ReceivedAt { get; init; }

    /// <summary>The envelope sender; empty for the null sender.</summary>
    public required string Sender { get; init; }

    /// <summary>The envelope's, blind copies included.</summary>
    public required IReadOnlyList<string> Recipients { get; init; }

    public required string From { get; init; }
    public required string Subject { get; init; }
    public required string MessageId { get; init; }
    public required long Size { get; init; }
    public required string Source { get; init; }

    /// <summary>From here on: left out in lists.</summary>
    public IReadOnlyList<HeaderView>? Headers { get; init; }

    public string? Text { get; init; }
    public string? Html { get; init; }
    public IReadOnlyList<FileView>? Attachments { get; init; }

    /// <summary>Why headers, texts and attachments are not to be had, where that is so.</summary>
    public string? Note { get; init; }

    public static CapturedView Row(CapturedMessage captured) => new()
    {
        Id = captured.Id.ToString(),
        ReceivedAt = captured.ReceivedAt,
        Sender = captured.Sender,
        Recipients = captured.Recipients,
        From = captured.From,
        Subject = captured.Subject,
        MessageId = captured.MessageId,
        Size = captured.Size,
        Source = Word.Of(captured.Source),
        Note = captured.IsTooLarge ? TooLarge : null,
    };

    public static CapturedView Of(CapturedMessage captured, ReadOnlyMemory<byte> raw)
    {
        try
        {
            // Its parts cost its sender a few octets each, and over a kilobyte once they are built.
            new MimeCount(Bounded, StreamOf(raw)).ReadMessage();
            using var content = MimeMessage.Load(Bounded, StreamOf(raw));
            return Of(captured, content);
        }
        catch (FormatException)
        {
            return Row(captured) with { Note = $"it has more parts or header fields than can be shown, or cannot be read; /inbox/{captured.Id}/raw has it as it is" };
        }
    }

    private static CapturedView Of(CapturedMessage captured, MimeMessage content) => Row(captured) with
    {
        Headers = [.. content.Headers.Select(header => new HeaderView(header.Field, header.Value))],
        Text = content.TextBody,
        Html = content.HtmlBody,
        Attachments = [.. content.BodyParts.OfType<MimePart>().Where(IsFile).Select(FileView.Of)],
    };

    private static MemoryStream StreamOf(ReadOnlyMemory<byte> octets) => MemoryMarshal.TryGetArray(octets, out var array)
        ? new MemoryStream(array.Array!, array.Offset, array.Count, writable: false)
        : new MemoryStream(octets.ToArray(), writable: false);

    private static bool IsFile(MimePart part) => part.IsAttachment || part.ContentId is not null || part is not TextPart;
}

internal sealed record HeaderView(string Name, string Value);

internal sealed record FileView(string? Filename, string ContentType, string? ContentId, long Size)
{
    public static FileView Of(MimePart part)
    {
        using var counted = new MimeKit.IO.MeasuringStream();
        part.Content?.DecodeTo(counted);
        return new FileView(part.FileName, part.ContentType.MimeType, part.ContentId, counted.Length);
    }
}
