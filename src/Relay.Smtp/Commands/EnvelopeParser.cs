using System.Text;
using System.Text.Unicode;
using Relay.Smtp.Addresses;
using Relay.Smtp.Replies;

namespace Relay.Smtp.Commands;

/// <summary>Reads the arguments of MAIL and RCPT: a path, and parameters behind it (RFC 5321, 4.1.2).</summary>
internal static class EnvelopeParser
{
    public static SmtpCommand ParseMail(ReadOnlySpan<byte> arguments)
    {
        if (!TryTakePath(ref arguments, "FROM:"u8, out var path))
        {
            return new SmtpCommand.Malformed(SmtpVerb.Mail, Problems.MailSyntax);
        }

        EnvelopeAddress? sender = null;
        var problem = path.IsEmpty ? null
            : path[0] == (byte)'@' ? Problems.SenderRoute
            : !Utf8.IsValid(path) ? Problems.NotUtf8
            : EnvelopeAddress.TryParse(Encoding.UTF8.GetString(path), out sender, out var words) ? null
            : Problems.BadSender(words);

        return problem is null
            ? EnvelopeParameters.ReadMail(sender, arguments)
            : new SmtpCommand.Malformed(SmtpVerb.Mail, problem);
    }

    public static SmtpCommand ParseRcpt(ReadOnlySpan<byte> arguments)
    {
        if (!TryTakePath(ref arguments, "TO:"u8, out var path))
        {
            return new SmtpCommand.Malformed(SmtpVerb.Rcpt, Problems.RcptSyntax);
        }

        if (Ascii.EqualsIgnoreCase(path, "postmaster"u8))
        {
            return EnvelopeParameters.ReadRcpt(EnvelopeAddress.BarePostmaster, arguments);
        }

        EnvelopeAddress recipient = null!;
        var problem = path.IsEmpty ? Problems.BadRecipient("the address is empty")
            : path[0] == (byte)'@' ? Problems.RecipientRoute
            : !Utf8.IsValid(path) ? Problems.NotUtf8
            : EnvelopeAddress.TryParse(Encoding.UTF8.GetString(path), out recipient, out var words) ? null
            : Problems.BadRecipient(words);

        return problem is null
            ? EnvelopeParameters.ReadRcpt(recipient, arguments)
            : new SmtpCommand.Malformed(SmtpVerb.Rcpt, problem);
    }

    // Takes `FROM:<path>` off the front. A blank behind the colon is not in the grammar, but old clients put one there.
    private static bool TryTakePath(ref ReadOnlySpan<byte> rest, ReadOnlySpan<byte> keyword, out ReadOnlySpan<byte> path)
    {
        path = default;
        if (rest.Length < keyword.Length || !Ascii.EqualsIgnoreCase(rest[..keyword.Length], keyword))
        {
            return false;
        }

        var behind = rest[keyword.Length..].TrimStart((byte)' ');
        if (behind.IsEmpty || behind[0] != (byte)'<' || EndOfPath(behind) is not (> 0 and var end))
        {
            return false;
        }

        path = behind[1..end];
        rest = behind[(end + 1)..];
        return rest.IsEmpty || rest[0] == (byte)' ';
    }

    // Where the closing bracket stands; inside a quoted local part it is text. -1 when there is none.
    private static int EndOfPath(ReadOnlySpan<byte> text)
    {
        var quoted = false;
        for (var i = 1; i < text.Length; i++)
        {
            switch (text[i])
            {
                case (byte)'"':
                    quoted = !quoted;
                    break;
                case (byte)'\\' when quoted:
                    i++;
                    break;
                case (byte)'>' when !quoted:
                    return i;
            }
        }

        return -1;
    }
}
