using MimeKit;
using Relay.Mail.Messages;

namespace Relay.Feedback.Bounces;

/// <summary>
/// The part of a report that gives the message back: its header, or all of it where the sender asked for that
/// (RFC 3461, 4.3) and it stands in the record. The octets are the ones that would have been sent; they are not parsed.
/// </summary>
/// <remarks>Octets above 127 in the header make it message/global, which may travel in base 64, so no server needs SMTPUTF8 for a report (RFC 6533, 4).</remarks>
internal static class ReturnedContent
{
    // Enough to recognise any message by.
    private const int ShortHeader = 32 * 1024;

    // A content that may only travel under proved TLS does not go back without it (RFC 8689, 5).
    public static MimePart Of(Message original) =>
        original is { Envelope: { Return: DsnReturn.Full, Tls: not TlsDemand.RequireTls }, Content.Chunks: 0 } ? Whole(original.Content) : Header(original.Content, int.MaxValue);

    public static MimePart ShortHeaderOf(Message original) => Header(original.Content, ShortHeader);

    private static MimePart Whole(MessageContent content) => content.HasEightBitHeader
        ? Part("message", "global", All(content), ContentEncoding.Base64)
        : Part("message", "rfc822", All(content), content.HasEightBit ? ContentEncoding.EightBit : ContentEncoding.SevenBit);

    private static MimePart Header(MessageContent content, int limit)
    {
        var header = HeaderOf(content, limit);
        return content.HasEightBitHeader
            ? Part("message", "global-headers", header, ContentEncoding.Base64)
            : Part("text", "rfc822-headers", header, ContentEncoding.SevenBit);
    }

    private static byte[] All(MessageContent content) => [.. content.Prologue.Span, .. content.Head.Span];

    private static byte[] HeaderOf(MessageContent content, int limit)
    {
        byte[] all = All(content);
        var end = all.AsSpan().IndexOf("\r\n\r\n"u8);
        var header = end < 0 ? all : all.AsSpan(0, end + 2);
        if (header.Length > limit)
        {
            header = header[..limit];
            header = header[..Math.Max(0, header.LastIndexOf("\r\n"u8) + 2)];
        }

        return header.ToArray();
    }

    private static MimePart Part(string type, string subtype, byte[] octets, ContentEncoding encoding) => new(type, subtype)
    {
        Content = new MimeContent(new MemoryStream(octets, writable: false)),
        ContentTransferEncoding = encoding,
    };
}
