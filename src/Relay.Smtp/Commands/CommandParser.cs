using System.Buffers;
using System.Text;
using Relay.Smtp.Replies;

namespace Relay.Smtp.Commands;

/// <summary>Reads a command line (RFC 5321, 4.1). What is wrong with it comes back as <see cref="SmtpCommand.Malformed"/>.</summary>
public static class CommandParser
{
    /// <summary>
    /// The longest command line with its CRLF. 512 by RFC 5321, 4.5.3.1.4, to which SIZE, BODY, AUTH=, RET, ENVID,
    /// NOTIFY and ORCPT add 1,200 at most.
    /// </summary>
    public const int MaxOctets = 2048;

    /// <summary>The longest line of an AUTH exchange, its command included (RFC 4954, 4).</summary>
    public const int MaxAuthOctets = 12288;

    /// <summary>Reads a line that <see cref="LineReader"/> has found to be whole.</summary>
    public static SmtpCommand Parse(in ReadOnlySequence<byte> line) =>
        Parse(line.IsSingleSegment ? line.FirstSpan : line.ToArray());

    public static SmtpCommand Parse(ReadOnlySpan<byte> line)
    {
        var space = line.IndexOf((byte)' ');
        var verb = VerbOf(space < 0 ? line : line[..space]);
        var arguments = space < 0 ? default : line[space..].Trim((byte)' ');

        if (line.Length + 2 > (verb == SmtpVerb.Auth ? MaxAuthOctets : MaxOctets))
        {
            return new SmtpCommand.Malformed(verb, Problems.LineTooLong);
        }

        return verb switch
        {
            SmtpVerb.Mail => EnvelopeParser.ParseMail(arguments),
            SmtpVerb.Rcpt => EnvelopeParser.ParseRcpt(arguments),
            SmtpVerb.Ehlo or SmtpVerb.Helo => ParseHello(verb, arguments),
            // From here on nothing may hold an octet that is not ASCII, SMTPUTF8 or not (RFC 6531, 3.1).
            _ when !Ascii.IsValid(line) => new SmtpCommand.Malformed(verb, Problems.EightBit),
            SmtpVerb.Bdat => ParseBdat(arguments),
            SmtpVerb.Auth => ParseAuth(arguments),
            SmtpVerb.Data => Bare(SmtpCommand.Plain.Data, arguments),
            SmtpVerb.Rset => Bare(SmtpCommand.Plain.Rset, arguments),
            SmtpVerb.StartTls => Bare(SmtpCommand.Plain.StartTls, arguments),
            SmtpVerb.Quit => Bare(SmtpCommand.Plain.Quit, arguments),
            SmtpVerb.Noop => SmtpCommand.Plain.Noop,
            SmtpVerb.Help => SmtpCommand.Plain.Help,
            SmtpVerb.Vrfy => arguments.IsEmpty ? new SmtpCommand.Malformed(verb, Problems.VrfySyntax) : SmtpCommand.Plain.Vrfy,
            _ => new SmtpCommand.Malformed(SmtpVerb.Unknown, Problems.UnknownCommand),
        };
    }

    private static SmtpVerb VerbOf(ReadOnlySpan<byte> word) =>
        Is(word, "MAIL"u8) ? SmtpVerb.Mail
        : Is(word, "RCPT"u8) ? SmtpVerb.Rcpt
        : Is(word, "DATA"u8) ? SmtpVerb.Data
        : Is(word, "BDAT"u8) ? SmtpVerb.Bdat
        : Is(word, "EHLO"u8) ? SmtpVerb.Ehlo
        : Is(word, "HELO"u8) ? SmtpVerb.Helo
        : Is(word, "AUTH"u8) ? SmtpVerb.Auth
        : Is(word, "STARTTLS"u8) ? SmtpVerb.StartTls
        : Is(word, "RSET"u8) ? SmtpVerb.Rset
        : Is(word, "NOOP"u8) ? SmtpVerb.Noop
        : Is(word, "QUIT"u8) ? SmtpVerb.Quit
        : Is(word, "VRFY"u8) ? SmtpVerb.Vrfy
        : Is(word, "HELP"u8) ? SmtpVerb.Help
        : SmtpVerb.Unknown;

    private static bool Is(ReadOnlySpan<byte> word, ReadOnlySpan<byte> verb) => Ascii.EqualsIgnoreCase(word, verb);

    // Latin-1 reads any octet: whatever a computer calls itself, it is served, and cleaned before it is written anywhere.
    private static SmtpCommand ParseHello(SmtpVerb verb, ReadOnlySpan<byte> name) => name.IsEmpty
        ? new SmtpCommand.Malformed(verb, Problems.NameMissing)
        : new SmtpCommand.Hello(Encoding.Latin1.GetString(name), extended: verb == SmtpVerb.Ehlo);

    private static SmtpCommand Bare(SmtpCommand.Plain command, ReadOnlySpan<byte> arguments) =>
        arguments.IsEmpty ? command : new SmtpCommand.Malformed(command.Verb, Problems.NoArguments);

    private static SmtpCommand ParseAuth(ReadOnlySpan<byte> arguments)
    {
        var space = arguments.IndexOf((byte)' ');
        var mechanism = space < 0 ? arguments : arguments[..space];
        var response = space < 0 ? default : arguments[space..].TrimStart((byte)' ');

        return mechanism.IsEmpty || response.Contains((byte)' ')
            ? new SmtpCommand.Malformed(SmtpVerb.Auth, Problems.AuthSyntax)
            : new SmtpCommand.Auth(Encoding.ASCII.GetString(mechanism).ToUpperInvariant(), space < 0 ? null : response.ToArray());
    }

    private static SmtpCommand ParseBdat(ReadOnlySpan<byte> arguments)
    {
        var space = arguments.IndexOf((byte)' ');
        var size = space < 0 ? arguments : arguments[..space];
        var marker = space < 0 ? default : arguments[space..].TrimStart((byte)' ');

        return TryReadOctets(size, out var octets) && (marker.IsEmpty || Ascii.EqualsIgnoreCase(marker, "LAST"u8))
            ? new SmtpCommand.Bdat(octets, isLast: !marker.IsEmpty)
            : new SmtpCommand.Malformed(SmtpVerb.Bdat, Problems.BdatSyntax);
    }

    // Digits only: no sign, no hex, no blank. RFC 1870 allows 20 of them, more than fit a long.
    internal static bool TryReadOctets(ReadOnlySpan<byte> digits, out long octets)
    {
        octets = 0;
        if (digits.Length is 0 or > 20 || digits.ContainsAnyExceptInRange((byte)'0', (byte)'9'))
        {
            return false;
        }

        foreach (var digit in digits)
        {
            octets = octets > (long.MaxValue - 9) / 10 ? long.MaxValue : (octets * 10) + (digit - '0');
        }

        return true;
    }
}
