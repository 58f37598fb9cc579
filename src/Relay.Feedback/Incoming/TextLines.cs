namespace Relay.Feedback.Incoming;

internal static class TextLines
{
    // A line of this length was written by no daemon and read by no person.
    private const int MaxLine = 16 * 1024;

    /// <summary>The lines of a text; an endless one is cut short.</summary>
    public static IEnumerable<string> Lines(this TextReader text)
    {
        while (text.ReadLine() is { } line)
        {
            yield return line.Length > MaxLine ? line[..MaxLine] : line;
        }
    }

    public static bool ContainsAny(this string text, params ReadOnlySpan<string> parts)
    {
        foreach (var part in parts)
        {
            if (text.Contains(part, StringComparison.OrdinalIgnoreCase))
            {
                return true;
            }
        }

        return false;
    }

    public static bool StartsWithAny(this string text, params ReadOnlySpan<string> starts)
    {
        foreach (var start in starts)
        {
            if (text.StartsWith(start, StringComparison.OrdinalIgnoreCase))
            {
                return true;
            }
        }

        return false;
    }
}
