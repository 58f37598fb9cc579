using System.Text;
using Relay.Mail.Messages;
using Relay.Mail.Tokens;

namespace Relay.Mail.Lists;

/// <summary>Writes the header fields of list mail: how to unsubscribe (RFC 2369; RFC 8058), and whose mail it is for those who count complaints.</summary>
/// <param name="web">Where the world reaches our HTTP door; null, or without TLS, and there are no links.</param>
public sealed class ListFields(MailTokens tokens, Uri? web, ListOptions options)
{
    /// <summary>The path of the links, the token behind it.</summary>
    public const string Path = "/unsubscribe/";

    /// <summary>Whether list mail gets a link. One click is for links over TLS only (RFC 8058, 3.1).</summary>
    public bool AddsLinks { get; } = web?.Scheme == Uri.UriSchemeHttps;

    /// <summary>
    /// List-Unsubscribe for one recipient, and List-Unsubscribe-Post where one click will do, each with its CRLF. False while no
    /// key is known.
    /// </summary>
    /// <param name="recipient">Its index in the envelope.</param>
    /// <param name="header">The message's own, without a List-Unsubscribe.</param>
    /// <param name="mailDomain">Where mail comes in to us; null where it does not.</param>
    /// <param name="at">When the message was accepted: written again it has the same octets, whatever keys were made since. Null is now.</param>
    public bool TryWriteUnsubscribe(Unsubscription wish, int recipient, ReadOnlySpan<byte> header, string? mailDomain, DateTimeOffset? at, out byte[] fields)
    {
        fields = [];
        if (!wish.TrySeal(tokens, out var token, at))
        {
            return false;
        }

        var ways = new List<string>(2);
        if (AddsLinks)
        {
            ways.Add($"<{web!.AbsoluteUri.TrimEnd('/')}{Path}{token}>");
        }

        // The address tells the door that it is ours; the subject is good for longer than we remember the message.
        if (mailDomain is not null && tokens.TryMint(TokenPurpose.Unsubscribe, wish.Message, recipient, out var address, at))
        {
            ways.Add($"<mailto:{address}@{mailDomain}?subject=unsubscribe%20{token}>");
        }

        // Where the sender's software wrote the second field alone, another of it would make both void.
        var post = AddsLinks && !Has(header, "List-Unsubscribe-Post"u8) ? "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" : "";
        fields = Encoding.ASCII.GetBytes($"List-Unsubscribe: {string.Join(",\r\n ", ways)}\r\n{post}");
        return true;
    }

    /// <summary>Feedback-ID with its CRLF: three names to count by, then ours. Empty where none was configured.</summary>
    public string FeedbackId(string account, MessageClass @class, string? stream) =>
        options.FeedbackId is { } sender
            ? $"Feedback-ID: {stream ?? "none"}:{account}:{(@class == MessageClass.Bulk ? "bulk" : "transactional")}:{sender}\r\n"
            : "";

    /// <summary>CFBL-Address with its CRLF (RFC 9477): where complaints about a message come to. Empty where none was configured, or nothing comes in to us.</summary>
    public string ComplaintAddress(MessageId message, string? mailDomain) =>
        options.ComplaintAddress && mailDomain is not null && tokens.TryMint(TokenPurpose.Complaint, message, recipient: null, out var address)
            ? $"CFBL-Address: {address}@{mailDomain}; report=arf\r\n"
            : "";

    private static bool Has(ReadOnlySpan<byte> header, ReadOnlySpan<byte> name)
    {
        while (!header.IsEmpty)
        {
            var end = header.IndexOf("\r\n"u8);
            var line = end < 0 ? header : header[..end];
            if (line.IndexOf((byte)':') is > 0 and var colon && Ascii.EqualsIgnoreCase(line[..colon].TrimEnd(" \t"u8), name))
            {
                return true;
            }

            header = end < 0 ? default : header[(end + 2)..];
        }

        return false;
    }
}
