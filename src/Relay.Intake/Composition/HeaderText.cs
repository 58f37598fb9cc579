using System.Text;
using MimeKit;
using MimeKit.Utils;

namespace Relay.Intake.Composition;

/// <summary>Turns a field's octets into text for people: lists, timelines, the inbox. Never written back into a message.</summary>
internal static class HeaderText
{
    // A line of a header has at most 998 (RFC 5322, 2.1.1); people need less of a subject.
    private const int MaxCharacters = 998;

    // Four octets a character at worst, and room for the dress of encoded words.
    private const int MaxOctets = MaxCharacters * 6;

    /// <summary>The value unfolded and trimmed, octets as they are.</summary>
    public static string Unfold(ReadOnlySpan<byte> value)
    {
        var text = Encoding.UTF8.GetString(value.Trim(" \t\r\n"u8));
        return text.Contains('\r', StringComparison.Ordinal) ? text.Replace("\r\n", "", StringComparison.Ordinal) : text;
    }

    /// <summary>The value with its encoded words (RFC 2047) decoded, on one line.</summary>
    public static string Decode(ReadOnlySpan<byte> value)
    {
        var bounded = value.Trim(" \t\r\n"u8);
        bounded = bounded[..Math.Min(bounded.Length, MaxOctets)];

        var isPlain = Ascii.IsValid(bounded)
            && bounded.IndexOf("=?"u8) < 0
            && !bounded.ContainsAnyInRange((byte)0, (byte)31);

        return isPlain ? Bound(Encoding.ASCII.GetString(bounded)) : OneLine(Rfc2047.DecodeText(ParserOptions.Default, WithoutFolds(bounded)));
    }

    private static byte[] WithoutFolds(ReadOnlySpan<byte> value) => value.Contains((byte)'\n')
        ? [.. value.ToArray().Where(octet => octet is not ((byte)'\r' or (byte)'\n'))]
        : value.ToArray();

    private static string OneLine(string text) => Bound(string.Create(text.Length, text, static (line, text) =>
    {
        for (var i = 0; i < line.Length; i++)
        {
            line[i] = char.IsControl(text[i]) || text[i] is '\u2028' or '\u2029' ? ' ' : text[i];
        }
    }).Trim());

    private static string Bound(string text) => text.Length <= MaxCharacters ? text
        : char.IsHighSurrogate(text[MaxCharacters - 1]) ? text[..(MaxCharacters - 1)]
        : text[..MaxCharacters];
}
