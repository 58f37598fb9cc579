using Relay.Mail.Classification;

namespace Relay.Feedback.Incoming;

/// <summary>One outcome in a transcript; <paramref name="Address"/> is null where the line names none.</summary>
internal sealed record TranscriptEntry(string? Address, string Reply, SmtpPhase Phase);

/// <summary>
/// Sendmail and its kin print the dialogue: commands behind <c>&gt;&gt;&gt;</c>, replies behind <c>&lt;&lt;&lt;</c>, and
/// their own conclusion, <c>550 5.1.1 &lt;ada@example.net&gt;... User unknown</c>.
/// </summary>
internal static class Transcript
{
    public static IReadOnlyList<TranscriptEntry> Read(string words)
    {
        if (!words.Contains("<<<", StringComparison.Ordinal) && !words.Contains("... ", StringComparison.Ordinal))
        {
            return [];
        }

        var entries = new List<TranscriptEntry>();
        var phase = SmtpPhase.Unknown;
        var command = "";
        var heard = new List<string>();
        foreach (var raw in new StringReader(words).Lines())
        {
            var line = raw.Trim();
            if (line.StartsWith(">>>", StringComparison.Ordinal))
            {
                command = line[3..].Trim();
                phase = DialoguePhase.OfCommand(command);
                heard.Clear();
            }
            else if (line.StartsWith("<<<", StringComparison.Ordinal))
            {
                heard.Add(line[3..].Trim());
            }
            else if (Conclusion(line) is var (address, text))
            {
                // Commands are pipelined, so the last one printed may be DATA; by this line it was RCPT that failed.
                var isUnknown = text.Contains("user unknown", StringComparison.OrdinalIgnoreCase);
                entries.Add(new TranscriptEntry(
                    address,
                    heard.Count == 0 ? text : $"{string.Join(' ', heard)} ({text})",
                    isUnknown && heard.Count > 0 ? SmtpPhase.Recipient : heard.Count > 0 ? phase : SmtpPhase.Local));
                heard.Clear();
            }
            else if (heard.Count > 0 && line.Length > 0)
            {
                entries.Add(Unnamed(command, heard, phase));
                heard.Clear();
            }
        }

        if (heard.Count > 0)
        {
            entries.Add(Unnamed(command, heard, phase));
        }

        // Of a pipelined dialogue the refusal of the next command follows; the first refusal is what it was about.
        return Named(entries);
    }

    private static TranscriptEntry Unnamed(string command, List<string> heard, SmtpPhase phase)
    {
        var reply = string.Join(' ', heard);
        return new TranscriptEntry(AddressText.Find(command) is { } address && phase == SmtpPhase.Recipient ? address : null, reply, phase);
    }

    private static List<TranscriptEntry> Named(List<TranscriptEntry> entries)
    {
        var first = entries.FindIndex(entry => entry.Address is null);
        if (first >= 0 && first + 1 < entries.Count && DialoguePhase.Of(entries[first + 1].Reply) == SmtpPhase.Recipient)
        {
            entries[first] = entries[first] with { Phase = SmtpPhase.Recipient };
        }

        // Keep the first reply that names nobody: the others are its echo.
        return [.. entries.Where((entry, i) => entry.Address is not null || i == first)];
    }

    // NNN [E.N.H] <address>... words
    private static (string Address, string Text)? Conclusion(string line)
    {
        var dots = line.IndexOf("... ", StringComparison.Ordinal);
        var at = line.IndexOf('@', StringComparison.Ordinal);
        if (dots < 0 || at < 0 || at > dots || AddressText.AddressAt(line, at) is not var (start, end) || end + 1 < dots || !IsCodes(line.AsSpan(0, start)))
        {
            return null;
        }

        var codes = line[..start].TrimEnd('<', '"', ' ');
        return (line[start..end], $"{codes} {line[(dots + 4)..].Trim()}".Trim());
    }

    private static bool IsCodes(ReadOnlySpan<char> text) => text.Length > 3 && char.IsAsciiDigit(text[0]) && !text.ContainsAnyExcept("0123456789. -<\"");
}
