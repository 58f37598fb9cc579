using System.Globalization;
using System.Text;
using Relay.Intake.Composition;
using Relay.Mail.Messages;

namespace Relay.Intake.Admission;

/// <summary>What a submission server adds to a header, on top and only where it is missing (RFC 6409, 8).</summary>
internal static class Completion
{
    /// <summary>Our trace line, then Date and Message-ID as far as the client left them out.</summary>
    /// <param name="messageId">The Message-ID without its angle brackets, ours or the client's.</param>
    public static ReadOnlyMemory<byte> Prologue(
        HeaderBlock header, Submission submission, string domain, DateTimeOffset now, out string messageId)
    {
        var hasId = header.Count(HeaderField.MessageId) > 0;
        messageId = hasId ? IdOf(header) : $"{submission.Id}@{domain}";
        if (hasId && header.Count(HeaderField.Date) > 0)
        {
            return submission.Trace;
        }

        var lines = new StringBuilder();
        if (header.Count(HeaderField.Date) == 0)
        {
            lines.Append(CultureInfo.InvariantCulture, $"Date: {now.UtcDateTime:ddd, dd MMM yyyy HH:mm:ss} +0000\r\n");
        }

        if (!hasId)
        {
            lines.Append(CultureInfo.InvariantCulture, $"Message-ID: <{messageId}>\r\n");
        }

        return (byte[])[.. submission.Trace.Span, .. Encoding.ASCII.GetBytes(lines.ToString())];
    }

    private static string IdOf(HeaderBlock header)
    {
        var text = HeaderText.Decode(header.Value(HeaderField.MessageId));
        return text is ['<', .. var id, '>'] ? id : text;
    }
}
