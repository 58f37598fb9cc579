using System.Buffers;
using Relay.Mail.Classification;

namespace Relay.Feedback.Incoming;

/// <summary>What the words for people say of one recipient: the reply they quote, and how far the dialogue was.</summary>
internal readonly record struct ToldReply(string? Reply, SmtpPhase Phase);

/// <summary>Finds, in the words for people, what they say about an address.</summary>
internal static class ReplyFinder
{
    // Behind these a daemon quotes the remote, or says why in its own words; the plainest last.
    private static readonly string[] Introductions =
    [
        "the error that the other server returned was:", "the response from the remote server was:", "the response was:", "remote host said:", "remote server returned", "gave this error:",
        "with the following error message:", "error message below:", "could not be delivered because of", "returned the following", "failed with:", "server message", "reject reason:",
        "delivery failed for the following reason:", "technical details of permanent failure:", "technical details of temporary failure:", "diagnostic code:", "failure reasons",
        "non-delivered information", "the reason for the", "reason was:", "(reason:", "reason:", "because:", "error was:", "the error was", "the following error", "error message:", "responded:",
        "returned error", "said:", "error:", "grund:", "raison :", "motivo:", "причина:", "理由:",
    ];

    // "host mx [192.0.2.1]: 550 no": a reply code behind the colon.
    private static readonly SearchValues<string> CodeStarts = SearchValues.Create(
        [": 42", ": 43", ": 45", ": 50", ": 51", ": 52", ": 53", ": 54", ": 55", ":\n42", ":\n43", ":\n45", ":\n50", ":\n51", ":\n52", ":\n53", ":\n54", ":\n55"], StringComparison.Ordinal);

    /// <param name="alone">The report is about this address only, so all its words are.</param>
    public static ToldReply About(string address, Letter letter, bool alone)
    {
        var told = letter.Told.FirstOrDefault(told => told.Address.Equals(address, StringComparison.OrdinalIgnoreCase));
        var session = alone ? Transcript.Read(letter.Speech).FirstOrDefault(entry => entry.Address is null) : null;
        var phase = told?.Phase is { } known and not (SmtpPhase.Unknown or SmtpPhase.Local) ? known
            : session is not null && session.Phase != SmtpPhase.Unknown ? session.Phase
            : alone ? DialoguePhase.Of(letter.Speech)
            : SmtpPhase.Unknown;
        return new ToldReply(session?.Reply ?? told?.Reply ?? (alone ? Introduced(letter.Speech) ?? Quoted(letter.Speech) : null), phase);
    }

    /// <summary>The richer of what the fields and what the words quote: fields are cut short, or hold an exit code.</summary>
    public static string Better(string field, string? told) =>
        told is not null && ((told.Contains(field, StringComparison.OrdinalIgnoreCase) && !field.Contains('\n', StringComparison.Ordinal)) || IsBare(field)) ? told : field;

    /// <summary>What follows an introduction, up to a blank line.</summary>
    public static string? Introduced(string words)
    {
        foreach (var introduction in Introductions)
        {
            var at = words.IndexOf(introduction, StringComparison.OrdinalIgnoreCase);
            if (at < 0)
            {
                continue;
            }

            var rest = words[(at + introduction.Length)..].TrimStart(' ', '\t', '\r', '\n', '-', ':', '\'', '"');
            rest = Trim(rest[..(BlankLine(rest) is var blank and >= 0 ? blank : rest.Length)]);
            if (rest.Length > 0)
            {
                return rest;
            }
        }

        return null;
    }

    /// <summary>The first line that begins with a reply code, and what belongs to it.</summary>
    public static string? Quoted(string words)
    {
        var at = 0;
        foreach (var line in words.Split('\n'))
        {
            var start = line.AsSpan().TrimStart();
            if (start.Length > 4 && start[0] is '4' or '5' && char.IsAsciiDigit(start[1]) && char.IsAsciiDigit(start[2]) && start[3] is ' ' or '-')
            {
                var rest = words[at..];
                return Trim(rest[..(BlankLine(rest) is var blank and >= 0 ? blank : rest.Length)]);
            }

            at += line.Length + 1;
        }

        return null;
    }

    /// <summary>The remote's words without what the reporting host put around them.</summary>
    public static string Trim(string reply)
    {
        var text = reply.Trim();
        var command = text.IndexOf("(in reply to", StringComparison.OrdinalIgnoreCase);
        text = command > 0 ? text[..command].TrimEnd() : text;
        var farewell = text.IndexOf("\nGiving up on ", StringComparison.Ordinal);
        text = farewell > 0 ? text[..farewell] : text;
        if (text.StartsWithAny("host ", "SMTP error from remote") || text.ContainsAny("SMTP error from remote"))
        {
            var code = text.AsSpan().IndexOfAny(CodeStarts);
            text = code > 0 ? text[(code + 2)..].TrimStart() : text;
        }

        return text.EndsWith(')') && !text.Contains('(', StringComparison.Ordinal) || text.EndsWith('\'') ? text[..^1] : text;
    }

    // An exit code.
    private static bool IsBare(string field) => field.Length < 8 && !field.AsSpan().ContainsAnyInRange('A', 'z');

    private static int BlankLine(string text)
    {
        var end = text.IndexOf('\n', StringComparison.Ordinal);
        while (end >= 0)
        {
            var next = text.IndexOf('\n', end + 1);
            if (string.IsNullOrWhiteSpace(next < 0 ? text[(end + 1)..] : text[(end + 1)..next]))
            {
                return end;
            }

            end = next;
        }

        return -1;
    }
}
