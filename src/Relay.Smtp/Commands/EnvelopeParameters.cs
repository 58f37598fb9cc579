using System.Text;
using Relay.Smtp.Addresses;
using Relay.Smtp.Replies;

namespace Relay.Smtp.Commands;

/// <summary>The parameters behind a path: each at most once, none that we did not offer (RFC 5321, 4.1.1.11).</summary>
internal static class EnvelopeParameters
{
    // RFC 3461, 4.4 and 4.2; both count the encoded text.
    private const int MaxEnvelopeIdOctets = 100;
    private const int MaxOriginalRecipientOctets = 500;

    [Flags]
    private enum Seen
    {
        None = 0,
        Size = 1,
        Body = 2,
        SmtpUtf8 = 4,
        Auth = 8,
        Return = 16,
        EnvelopeId = 32,
        Notify = 64,
        OriginalRecipient = 128,
        RequireTls = 256,
    }

    public static SmtpCommand ReadMail(EnvelopeAddress? sender, ReadOnlySpan<byte> rest)
    {
        var mail = new SmtpCommand.Mail { Sender = sender };
        var seen = Seen.None;
        while (TryTake(ref rest, out var keyword, out var value))
        {
            var parameter = MailParameter(keyword);
            var problem = parameter == Seen.None ? Problems.UnknownParameter
                : seen.HasFlag(parameter) ? Problems.RepeatedParameter
                : Apply(ref mail, parameter, value);
            if (problem is not null)
            {
                return new SmtpCommand.Malformed(SmtpVerb.Mail, problem);
            }

            seen |= parameter;
        }

        return mail;
    }

    public static SmtpCommand ReadRcpt(EnvelopeAddress recipient, ReadOnlySpan<byte> rest)
    {
        var rcpt = new SmtpCommand.Rcpt { Recipient = recipient };
        var seen = Seen.None;
        while (TryTake(ref rest, out var keyword, out var value))
        {
            var parameter = RcptParameter(keyword);
            var problem = parameter == Seen.None ? Problems.UnknownParameter
                : seen.HasFlag(parameter) ? Problems.RepeatedParameter
                : Apply(ref rcpt, parameter, value);
            if (problem is not null)
            {
                return new SmtpCommand.Malformed(SmtpVerb.Rcpt, problem);
            }

            seen |= parameter;
        }

        return rcpt;
    }

    private static Seen MailParameter(ReadOnlySpan<byte> keyword) =>
        Is(keyword, "SIZE"u8) ? Seen.Size
        : Is(keyword, "BODY"u8) ? Seen.Body
        : Is(keyword, "SMTPUTF8"u8) ? Seen.SmtpUtf8
        : Is(keyword, "AUTH"u8) ? Seen.Auth
        : Is(keyword, "RET"u8) ? Seen.Return
        : Is(keyword, "ENVID"u8) ? Seen.EnvelopeId
        : Is(keyword, "REQUIRETLS"u8) ? Seen.RequireTls
        : Seen.None;

    private static Seen RcptParameter(ReadOnlySpan<byte> keyword) =>
        Is(keyword, "NOTIFY"u8) ? Seen.Notify
        : Is(keyword, "ORCPT"u8) ? Seen.OriginalRecipient
        : Seen.None;

    private static SmtpReply? Apply(ref SmtpCommand.Mail mail, Seen parameter, ReadOnlySpan<byte> value)
    {
        switch (parameter)
        {
            case Seen.Size when CommandParser.TryReadOctets(value, out var octets):
                mail = mail with { DeclaredOctets = octets };
                return null;
            case Seen.Size:
                return Problems.BadSize;
            case Seen.Body when Is(value, "8BITMIME"u8):
                mail = mail with { EightBitMime = true };
                return null;
            case Seen.Body:
                return Is(value, "7BIT"u8) ? null : Problems.BadBody;
            case Seen.SmtpUtf8 when value.IsEmpty:
                mail = mail with { SmtpUtf8 = true };
                return null;
            case Seen.SmtpUtf8:
                return Problems.BadSmtpUtf8;
            case Seen.RequireTls when value.IsEmpty:
                mail = mail with { RequireTls = true };
                return null;
            case Seen.RequireTls:
                return Problems.BadRequireTls;
            case Seen.Auth:
                // Who the client says wrote it; we know the credential, so the word is checked and dropped (RFC 4954, 5).
                return IsMailbox(value) ? null : Problems.BadAuth;
            case Seen.Return when Is(value, "FULL"u8) || Is(value, "HDRS"u8):
                mail = mail with { Return = Is(value, "FULL"u8) ? ReturnOption.Full : ReturnOption.Headers };
                return null;
            case Seen.Return:
                return Problems.BadReturn;
            case Seen.EnvelopeId when value.Length is > 0 and <= MaxEnvelopeIdOctets && Ascii.IsValid(value) && Xtext.TryDecode(value, out var id):
                mail = mail with { EnvelopeId = id };
                return null;
            default:
                return Problems.BadEnvelopeId;
        }
    }

    private static SmtpReply? Apply(ref SmtpCommand.Rcpt rcpt, Seen parameter, ReadOnlySpan<byte> value)
    {
        if (parameter == Seen.Notify)
        {
            if (ReadNotify(value) is not { } notify)
            {
                return Problems.BadNotify;
            }

            rcpt = rcpt with { Notify = notify };
            return null;
        }

        if (ReadOriginalRecipient(value) is not { } original)
        {
            return Problems.BadOriginalRecipient;
        }

        rcpt = rcpt with { OriginalRecipient = original };
        return null;
    }

    private static NotifyOption? ReadNotify(ReadOnlySpan<byte> value)
    {
        if (Is(value, "NEVER"u8))
        {
            return NotifyOption.Never;
        }

        var notify = NotifyOption.Never;
        foreach (var range in value.Split((byte)','))
        {
            var word = value[range];
            var one = Is(word, "SUCCESS"u8) ? NotifyOption.Success
                : Is(word, "FAILURE"u8) ? NotifyOption.Failure
                : Is(word, "DELAY"u8) ? NotifyOption.Delay
                : NotifyOption.Never;
            if (one == NotifyOption.Never)
            {
                return null;
            }

            notify |= one;
        }

        return notify == NotifyOption.Never ? null : notify;
    }

    // addr-type ";" xtext. Only the type utf-8 may hold what is not ASCII (RFC 6533, 3).
    private static string? ReadOriginalRecipient(ReadOnlySpan<byte> value)
    {
        var semicolon = value.IndexOf((byte)';');
        if (value.Length > MaxOriginalRecipientOctets || semicolon <= 0 || semicolon == value.Length - 1 || !IsAtom(value[..semicolon]))
        {
            return null;
        }

        var type = value[..semicolon];
        var mayBeUtf8 = Is(type, "UTF-8"u8);
        return Xtext.TryDecode(value[(semicolon + 1)..], out var address) && (mayBeUtf8 || Ascii.IsValid(address))
            ? $"{Encoding.ASCII.GetString(type)};{address}"
            : null;
    }

    private static bool IsAtom(ReadOnlySpan<byte> text)
    {
        foreach (var octet in text)
        {
            if (!char.IsAsciiLetterOrDigit((char)octet) && octet != (byte)'-')
            {
                return false;
            }
        }

        return true;
    }

    private static bool IsMailbox(ReadOnlySpan<byte> value) =>
        value.SequenceEqual("<>"u8) || (Xtext.TryDecode(value, out var text) && EnvelopeAddress.TryParse(text, out _));

    // Takes ` KEYWORD[=value]` off the front; false at the end of the line.
    private static bool TryTake(ref ReadOnlySpan<byte> rest, out ReadOnlySpan<byte> keyword, out ReadOnlySpan<byte> value)
    {
        rest = rest.TrimStart((byte)' ');
        var end = rest.IndexOf((byte)' ');
        var word = end < 0 ? rest : rest[..end];
        rest = rest[word.Length..];

        var equals = word.IndexOf((byte)'=');
        keyword = equals < 0 ? word : word[..equals];
        value = equals < 0 ? default : word[(equals + 1)..];
        return !word.IsEmpty;
    }

    private static bool Is(ReadOnlySpan<byte> text, ReadOnlySpan<byte> word) => Ascii.EqualsIgnoreCase(text, word);
}
