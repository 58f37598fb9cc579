using System.Globalization;
using Relay.Smtp.Replies;

namespace Relay.Mail.Classification;

/// <summary>Finds reply codes and enhanced codes in words that people and programs pass on in every shape.</summary>
internal static class ReplyCodes
{
    /// <summary>The first number that stands where a reply code stands: 421 to 559, and no part of a longer number.</summary>
    public static int? FindCode(ReadOnlySpan<char> text)
    {
        for (var i = 0; i + 3 <= text.Length; i++)
        {
            if (text[i] is not ('4' or '5') || (i > 0 && !MayPrecede(text[i - 1])) || !IsCode(text[i..]))
            {
                continue;
            }

            // 550-5.7.1, 550 Text, 554: text, 550) at the end; not 550.5 nor 550px.
            if (i + 3 == text.Length || text[i + 3] is ' ' or '-' or ':' or ',' or ';' or ')' or ']' or '"' or '\t' or '\r' or '\n' or '\'' or '#')
            {
                return int.Parse(text.Slice(i, 3), NumberStyles.None, CultureInfo.InvariantCulture);
            }
        }

        return null;
    }

    /// <summary>The first enhanced code with a detail; one that ends in .0 only where there is no better (RFC 3463, 3.1).</summary>
    public static EnhancedStatusCode? FindStatus(ReadOnlySpan<char> text)
    {
        EnhancedStatusCode? vague = null;
        for (var i = 0; i + 5 <= text.Length; i++)
        {
            if (text[i] is not ('2' or '4' or '5') || text[i + 1] != '.' || (i > 0 && !MayPrecede(text[i - 1])) || StatusLength(text[i..]) is not (var length and > 0))
            {
                continue;
            }

            // A fourth number makes it an address: 5.1.1.20.
            if (i + length < text.Length && (char.IsAsciiLetterOrDigit(text[i + length])
                || (text[i + length] == '.' && i + length + 1 < text.Length && char.IsAsciiDigit(text[i + length + 1]))))
            {
                continue;
            }

            if (EnhancedStatusCode.TryParse(text.Slice(i, length), out var code, out _))
            {
                if (code.Detail != 0)
                {
                    return code;
                }

                vague = vague is { Subject: not 0 } ? vague : code.Subject != 0 ? code : vague ?? code;
            }
        }

        return vague;
    }

    /// <summary>A word without the codes at its front; empty where it is nothing else. Continued replies carry them in their middle.</summary>
    public static ReadOnlySpan<char> Strip(ReadOnlySpan<char> word)
    {
        if (word.Length >= 3 && word[0] is '4' or '5' && IsCode(word))
        {
            word = word.Length == 3 ? [] : word[3] is '-' or ':' ? word[4..] : word;
        }

        var start = word.Length > 0 && word[0] is '#' or '(' ? 1 : 0;
        if (word.Length > start && word[start] is '2' or '4' or '5')
        {
            var length = StatusLength(word[start..]);
            if (length > 0 && (start + length == word.Length || word[start + length] is ':' or ')' or '-' or ','))
            {
                return word[Math.Min(word.Length, start + length + 1)..];
            }
        }

        return word;
    }

    private static bool IsCode(ReadOnlySpan<char> text) =>
        text.Length >= 3 && char.IsAsciiDigit(text[1]) && char.IsAsciiDigit(text[2]) && text[1] <= '5'
        && (text.Length == 3 || !char.IsAsciiDigit(text[3]))
        // 400 and 500 are codes of the protocol's grammar, 419 none: below 421 nothing temporary is defined.
        && (text[0] == '5' || text[1] >= '2');

    private static int StatusLength(ReadOnlySpan<char> text)
    {
        var length = 1;
        for (var part = 0; part < 2; part++)
        {
            if (length >= text.Length || text[length] != '.')
            {
                return 0;
            }

            var digits = 0;
            while (length + 1 + digits < text.Length && char.IsAsciiDigit(text[length + 1 + digits]))
            {
                digits++;
            }

            if (digits is 0 or > 3)
            {
                return 0;
            }

            length += 1 + digits;
        }

        return length;
    }

    private static bool MayPrecede(char c) => !char.IsAsciiLetterOrDigit(c) && c is not ('.' or '@' or '/' or '=' or '_' or '+');
}
