using System.Buffers;
using System.Buffers.Text;
using System.Text;
using Relay.Smtp.Addresses;
using Relay.Smtp.Commands;

namespace Relay.Smtp.Client;

/// <summary>
/// Writes the commands of a client. Addresses come as <see cref="EnvelopeAddress"/>, which cannot hold a line end, and every
/// other text is written as xtext or checked, so that no value can become a command of its own.
/// </summary>
public static class CommandWriter
{
    public static void Ehlo(this IBufferWriter<byte> output, string host) => Line(output, "EHLO "u8, host);

    public static void Helo(this IBufferWriter<byte> output, string host) => Line(output, "HELO "u8, host);

    public static void StartTls(this IBufferWriter<byte> output) => output.Write("STARTTLS\r\n"u8);

    public static void Data(this IBufferWriter<byte> output) => output.Write("DATA\r\n"u8);

    /// <summary>BDAT for a message in one chunk (RFC 3030, 2); exactly so many octets follow.</summary>
    public static void LastChunk(this IBufferWriter<byte> output, int length)
    {
        output.Write("BDAT "u8);
        Number(output, length);
        output.Write(" LAST\r\n"u8);
    }

    public static void Reset(this IBufferWriter<byte> output) => output.Write("RSET\r\n"u8);

    public static void Quit(this IBufferWriter<byte> output) => output.Write("QUIT\r\n"u8);

    /// <summary>AUTH PLAIN with its initial response (RFC 4616).</summary>
    public static void AuthPlain(this IBufferWriter<byte> output, string user, string password) =>
        Line(output, "AUTH PLAIN "u8, Base64($"\0{user}\0{password}"));

    public static void AuthLogin(this IBufferWriter<byte> output) => output.Write("AUTH LOGIN\r\n"u8);

    /// <summary>Answers a 334 of AUTH LOGIN.</summary>
    public static void AuthAnswer(this IBufferWriter<byte> output, string text) => Line(output, [], Base64(text));

    /// <summary>MAIL; a null sender is the empty reverse-path.</summary>
    public static void Mail(this IBufferWriter<byte> output, EnvelopeAddress? sender, in MailParameters parameters)
    {
        output.Write("MAIL FROM:<"u8);
        Address(output, sender);
        output.Write(">"u8);
        if (parameters.Size is { } size)
        {
            output.Write(" SIZE="u8);
            Number(output, size);
        }

        if (parameters.EightBitMime)
        {
            output.Write(" BODY=8BITMIME"u8);
        }

        if (parameters.SmtpUtf8)
        {
            output.Write(" SMTPUTF8"u8);
        }

        if (parameters.RequireTls)
        {
            output.Write(" REQUIRETLS"u8);
        }

        if (parameters.ReturnFull is { } full)
        {
            output.Write(full ? " RET=FULL"u8 : " RET=HDRS"u8);
        }

        if (parameters.EnvelopeId is { } id && Xtext.CanEncode(id))
        {
            output.Write(" ENVID="u8);
            Xtext.Encode(id, output);
        }

        output.Write("\r\n"u8);
    }

    public static void Rcpt(this IBufferWriter<byte> output, EnvelopeAddress recipient, in RcptParameters parameters)
    {
        output.Write("RCPT TO:<"u8);
        Address(output, recipient);
        output.Write(">"u8);
        if (parameters.Notify is { } notify)
        {
            output.Write(" NOTIFY="u8);
            Encoding.ASCII.GetBytes(notify, output);
        }

        if (parameters.OriginalRecipient is { } original && original.IndexOf(';') is > 0 and var semicolon
            && Xtext.CanEncode(original))
        {
            output.Write(" ORCPT="u8);
            Xtext.Encode(original.AsSpan(0, semicolon), output);
            output.Write(";"u8);
            Xtext.Encode(original.AsSpan(semicolon + 1), output);
        }

        output.Write("\r\n"u8);
    }

    // A local part in ASCII needs no SMTPUTF8 when its domain is written in A-labels.
    private static void Address(IBufferWriter<byte> output, EnvelopeAddress? address)
    {
        if (address is not null)
        {
            Encoding.UTF8.GetBytes(WireForm(address), output);
        }
    }

    private static string WireForm(EnvelopeAddress address) =>
        address.NeedsSmtpUtf8 && Ascii.IsValid(address.LocalPart) ? address.AsciiDomainText : address.Text;

    private static void Line(IBufferWriter<byte> output, ReadOnlySpan<byte> verb, string argument)
    {
        if (argument.AsSpan().ContainsAny('\r', '\n', '\0'))
        {
            throw new ArgumentException("a command argument holds a line end", nameof(argument));
        }

        output.Write(verb);
        Encoding.UTF8.GetBytes(argument, output);
        output.Write("\r\n"u8);
    }

    private static void Number(IBufferWriter<byte> output, long number)
    {
        var span = output.GetSpan(20);
        Utf8Formatter.TryFormat(number, span, out var written);
        output.Advance(written);
    }

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));
}

/// <param name="Size">SIZE= (RFC 1870); null leaves it out.</param>
/// <param name="ReturnFull">RET= (RFC 3461, 4.3); null leaves it out.</param>
/// <param name="EnvelopeId">ENVID= (RFC 3461, 4.4), decoded; left out where xtext cannot hold it.</param>
/// <param name="RequireTls">REQUIRETLS (RFC 8689, 2).</param>
public readonly record struct MailParameters(long? Size, bool EightBitMime, bool SmtpUtf8, bool? ReturnFull, string? EnvelopeId, bool RequireTls = false);

/// <param name="Notify">NOTIFY= (RFC 3461, 4.1) as it is written: <c>NEVER</c> or a list.</param>
/// <param name="OriginalRecipient">ORCPT= (RFC 3461, 4.2), decoded, with its type; left out where xtext cannot hold it.</param>
public readonly record struct RcptParameters(string? Notify, string? OriginalRecipient);
