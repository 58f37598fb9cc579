namespace Relay.Intake.Composition;

/// <summary>Text that goes into a header must not be able to end its line, whatever software reads it on its way.</summary>
internal static class PlainText
{
    public const string Rule = "must not hold a line break, NUL or another control character";

    /// <summary>Whether a text stays on its line: no control character but tab, and none of Unicode's own line ends.</summary>
    public static bool IsOneLine(string text)
    {
        foreach (var c in text)
        {
            if ((char.IsControl(c) && c != '\t') || c is '\u2028' or '\u2029')
            {
                return false;
            }
        }

        return true;
    }
}
