namespace Relay.Intake.Composition;

/// <summary>Text that goes into a header must mean itself, whatever software reads it on its way.</summary>
internal static class PlainText
{
    public const string Rule = "must not hold a line break, NUL, another control character or an encoded word (=?…?=)";

    /// <summary>Whether a text can neither end its line nor be decoded into something else.</summary>
    public static bool IsOneLine(string text)
    {
        foreach (var c in text)
        {
            if ((char.IsControl(c) && c != '\t') || c is '\u2028' or '\u2029')
            {
                return false;
            }
        }

        return !HoldsEncodedWord(text);
    }

    // =?charset?q?text?= without a space up to its text (RFC 2047, 2); it could hold the line break that is refused above.
    private static bool HoldsEncodedWord(ReadOnlySpan<char> text)
    {
        for (var start = text.IndexOf("=?"); start >= 0; start = text.IndexOf("=?"))
        {
            text = text[(start + 2)..];
            var end = text.IndexOfAny(' ', '\t');
            var word = end < 0 ? text : text[..end];
            if (word.Contains("?q?", StringComparison.OrdinalIgnoreCase) || word.Contains("?b?", StringComparison.OrdinalIgnoreCase))
            {
                return true;
            }
        }

        return false;
    }
}
