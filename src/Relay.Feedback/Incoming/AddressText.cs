using System.Globalization;
using System.Text;

namespace Relay.Feedback.Incoming;

/// <summary>Finds addresses in words. Looser than an envelope: reports write them as they like.</summary>
internal static class AddressText
{
    private const int MaxLocalPart = 128;
    private const int MaxDomain = 255;

    public static string? Find(string text) => FindAll(text).FirstOrDefault();

    public static IEnumerable<string> FindAll(string text)
    {
        var from = 0;
        while (text.IndexOf('@', from) is var at and >= 0)
        {
            from = at + 1;
            if (AddressAt(text, at) is var (start, end))
            {
                yield return text[start..end];
                from = end;
            }
        }
    }

    /// <summary>The address whose @ stands there, as a range; null where there is none.</summary>
    public static (int Start, int End)? AddressAt(string text, int at)
    {
        var start = at;
        if (start > 1 && text[start - 1] == '"')
        {
            // A quoted local part may hold blanks.
            var quote = text.LastIndexOf('"', start - 2, Math.Min(start - 1, MaxLocalPart));
            start = quote < 0 ? start : quote;
        }
        else
        {
            while (start > 0 && at - start < MaxLocalPart && IsLocal(text[start - 1]))
            {
                start--;
            }

            while (start < at && text[start] is '.' or '\'' or '`' or '*' or '=' or '|')
            {
                start++;
            }
        }

        var end = at + 1;
        if (end < text.Length && text[end] == '[')
        {
            var close = text.IndexOf(']', end, Math.Min(text.Length - end, 64));
            return close > 0 && start < at ? (start, close + 1) : null;
        }

        while (end < text.Length && end - at < MaxDomain && (char.IsLetterOrDigit(text[end]) || text[end] is '.' or '-' or '_'))
        {
            end++;
        }

        while (end > at + 1 && text[end - 1] is '.' or '-' or '_')
        {
            end--;
        }

        return start < at && end > at + 1 ? (start, end) : null;
    }

    /// <summary>
    /// The address of a field such as <c>rfc822; ada@example.net</c>, its type left out, its escapes resolved
    /// (RFC 3464, 2.3.2; RFC 6533, 3). An address without a domain is given as it is.
    /// </summary>
    public static string? OfField(string? field)
    {
        if (field is null)
        {
            return null;
        }

        var semicolon = field.IndexOf(';', StringComparison.Ordinal);
        var type = semicolon < 0 ? "" : field[..semicolon].Trim();
        var value = semicolon is > 0 and < 12 ? field[(semicolon + 1)..] : field;
        value = (type.Equals("utf-8", StringComparison.OrdinalIgnoreCase) ? Unescape(value) : value).Trim('<', '>', ' ', '\\');

        return Find(value) ?? (value.Length is > 0 and < MaxLocalPart && !value.AsSpan().ContainsAny(" /|\"") ? value : null);
    }

    private static string Unescape(string text)
    {
        var plain = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text.AsSpan(i).StartsWith("\\x{") && text.IndexOf('}', i) is var end and > 0
                && int.TryParse(text.AsSpan(i + 3, end - i - 3), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var scalar)
                && Rune.TryCreate(scalar, out var rune))
            {
                plain.Append(rune);
                i = end;
            }
            else
            {
                plain.Append(text[i]);
            }
        }

        return plain.ToString();
    }

    private static bool IsLocal(char c) => char.IsLetterOrDigit(c) || "!#$%&'*+-/=?^_`{|}~.".Contains(c, StringComparison.Ordinal);
}
