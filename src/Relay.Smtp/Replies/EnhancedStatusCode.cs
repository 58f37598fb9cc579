using System.Globalization;

namespace Relay.Smtp.Replies;

/// <summary>An enhanced mail system status code, <c>class.subject.detail</c> (RFC 3463, 2). Class is 2, 4 or 5.</summary>
public readonly record struct EnhancedStatusCode(int Class, int Subject, int Detail)
{
    /// <summary>Reads a code at the start of a reply's text; <paramref name="length"/> is the number of characters it took.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out EnhancedStatusCode code, out int length)
    {
        code = default;
        length = 0;

        if (text.Length < 5 || text[0] is not ('2' or '4' or '5') || text[1] != '.')
        {
            return false;
        }

        var position = 2;
        if (!TryReadNumber(text, ref position, out var subject) || position >= text.Length || text[position++] != '.'
            || !TryReadNumber(text, ref position, out var detail)
            || (position < text.Length && text[position] != ' '))
        {
            return false;
        }

        code = new EnhancedStatusCode(text[0] - '0', subject, detail);
        length = position;
        return true;
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Class}.{Subject}.{Detail}");

    // One to three digits (RFC 3463, 2).
    private static bool TryReadNumber(ReadOnlySpan<char> text, ref int position, out int number)
    {
        var start = position;
        number = 0;
        while (position < text.Length && position - start < 3 && char.IsAsciiDigit(text[position]))
        {
            number = (number * 10) + (text[position++] - '0');
        }

        return position > start;
    }
}
