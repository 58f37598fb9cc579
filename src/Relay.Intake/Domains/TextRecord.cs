using System.Text;

namespace Relay.Intake.Domains;

/// <summary>What may go wrong between a text that is to be published and the text that is found.</summary>
internal static class TextRecord
{
    /// <summary>One string of a TXT record holds no more octets (RFC 1035, 3.3.14).</summary>
    private const int StringLength = 255;

    /// <summary>The strings that make up a text; a longer text than one string holds is cut, without anything in between.</summary>
    public static IReadOnlyList<string> StringsOf(string text) => [.. text.Chunk(StringLength).Select(part => new string(part))];

    /// <summary>The text as a zone file has it: each string in quotes.</summary>
    public static string InZoneFile(string text) =>
        string.Join(' ', StringsOf(text).Select(part => $"\"{part.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\""));

    /// <summary>What kept a text that was meant to be this one from being it; null when it was meant to be something else.</summary>
    public static string? NearMiss(string wanted, IReadOnlyList<string> found)
    {
        var bare = Bare(wanted);
        foreach (var text in found)
        {
            if (Bare(text) == bare)
            {
                return text.Contains('"', StringComparison.Ordinal) || text.Contains('\\', StringComparison.Ordinal)
                    ? "The record is there, but quotes or backslashes are part of its text: your provider adds the quotes itself. Enter the value without them."
                    : "The record is there but split wrong: a space or line break stands where two of its strings meet. A text of more than 255 characters stands in several strings of one record, with nothing in between.";
            }
        }

        if (found.Count > 1 && IsSplit(bare, found))
        {
            return "The record is there but split wrong: its parts stand in separate TXT records. They must be strings of one record.";
        }

        return found.Any(text => Bare(text) is { Length: > 20 } part && part.Length < bare.Length && bare.StartsWith(part, StringComparison.Ordinal))
            ? $"The record is there but cut off: your provider keeps less than its {wanted.Length} characters. Enter it as strings of at most {StringLength} characters."
            : null;
    }

    private static bool IsSplit(string bare, IReadOnlyList<string> found)
    {
        var parts = found.Select(Bare).Where(part => part.Length > 0 && bare.Contains(part, StringComparison.Ordinal)).ToList();
        return parts.Count > 1 && parts.Sum(part => part.Length) == bare.Length;
    }

    private static string Bare(string text)
    {
        var bare = new StringBuilder(text.Length);
        foreach (var c in text)
        {
            if (!char.IsWhiteSpace(c) && c is not ('"' or '\\'))
            {
                bare.Append(c);
            }
        }

        return bare.ToString();
    }
}
