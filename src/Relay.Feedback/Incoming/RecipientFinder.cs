using Relay.Mail.Classification;

namespace Relay.Feedback.Incoming;

/// <summary>An address of which a report says in words that it was not reached, and what it says of it.</summary>
internal sealed record ToldRecipient(string Address, string Reply, SmtpPhase Phase);

/// <summary>
/// Finds the addresses that a report is about, by how they stand in its lines: alone, in front of a colon, in a
/// transcript, or behind words such as "could not be delivered to". What stands better hides what stands worse.
/// </summary>
internal static class RecipientFinder
{
    private const int MaxMarks = 1_000;

    // Lines with these name somebody else: whom to ask, whom it is from, what was called.
    private static readonly string[] Strangers =
    [
        "from:", "mail from", "envelope-from", "sender:", "contact", "assistance", "send mail to", "send email to", "generated from", "reply-to", "return-path", "mailto:", "http:", "https:",
        "questions", "help desk", "helpdesk", "subject:", "message-id:", "on behalf of", "forward this", "write to", "e-mail us", "email us", "please mail", "further information",
    ];

    // Lines in which an address that stands nowhere better is the one meant.
    private static readonly string[] Introductions =
    [
        "to:", "recipient", "rcpt to", "deliver", "mailbox", "user", "address", "unknown", "failed", "undeliver", "could not", "couldn't", "cannot", "can't", "unable", "wasn't", "was not", "not reach",
        "message to", "mail to", "bounced", "account", "empfänger", "zugestellt", "destinataire", "destinatario", "destinatário", "получател", "доставлен", "宛", "收件", "送信", "配信",
        "adresse", "dirección", "indirizzo", "endereço", "adres ", "адрес", "アドレス", "地址", "주소", "parvenu",
        "duplicated message-id in",
    ];

    public static IReadOnlyList<ToldRecipient> Find(string words)
    {
        var session = Transcript.Read(words).Where(entry => entry.Address is not null).Select(entry => new ToldRecipient(entry.Address!, entry.Reply, entry.Phase)).ToList();
        var lines = new StringReader(words).Lines().ToArray();
        var marked = Blocks(lines, LineMark.Of);
        if (session.Count == 1 && session[0].Phase is SmtpPhase.Unknown or SmtpPhase.Local && DialoguePhase.Of(words) is var phase and not SmtpPhase.Unknown)
        {
            session[0] = session[0] with { Phase = phase };
        }

        if (session.Count > 0)
        {
            // The transcript says why, the list above it whom: an alias may stand in the one and its target in the other.
            return marked.Count > session.Count ? [.. marked.Select(m => session.Find(s => Same(s, m)) ?? m)] : session;
        }

        return marked.Count > 0 ? marked : Blocks(lines, Mentioned);
    }

    private static LineMark? Mentioned(string line) =>
        !line.ContainsAny(Strangers) && line.ContainsAny(Introductions) && AddressText.Find(line) is { } address ? new LineMark(address, line.Trim()) : null;

    private static bool Same(ToldRecipient a, ToldRecipient b) => a.Address.Equals(b.Address, StringComparison.OrdinalIgnoreCase);

    // From one marked line to the next: what stands between is said of the first.
    private static List<ToldRecipient> Blocks(string[] lines, Func<string, LineMark?> read)
    {
        var marks = new List<(int Line, LineMark Mark)>();
        for (var i = 0; i < lines.Length && marks.Count < MaxMarks; i++)
        {
            if (read(lines[i]) is not { } mark)
            {
                continue;
            }

            // Named twice in a row it is one; the line that says more counts.
            var again = marks.Count > 0 && marks[^1].Mark.Address.Equals(mark.Address, StringComparison.OrdinalIgnoreCase);
            if (!again)
            {
                marks.Add((i, mark));
            }
            else if (marks[^1].Mark.Rest.Length == 0 && mark.Rest.Length > 0)
            {
                marks[^1] = (i, mark);
            }
        }

        var found = new List<ToldRecipient>(marks.Count);
        for (var m = 0; m < marks.Count; m++)
        {
            var (line, mark) = marks[m];
            var next = m + 1 < marks.Count ? marks[m + 1].Line : lines.Length;
            found.Add(Tell(lines, mark, m == 0 ? 0 : marks[m - 1].Line + 1, line, next, marks.Count == 1));
        }

        return found;
    }

    private static ToldRecipient Tell(string[] lines, LineMark mark, int from, int line, int next, bool alone)
    {
        var below = Below(lines, line + 1, next, mark.Rest);
        below = below.Length > 0 && below.Split('\n').All(IsField) ? "" : below;
        var after = string.Join('\n', lines[(line + 1)..next]);
        var all = alone ? string.Join('\n', lines) : "";
        // A line that only says that it failed is no reason; where there is a better one, it stands further down.
        var reply = ReplyFinder.Introduced(below) ?? ReplyFinder.Quoted(below)
            ?? (below.Length > 0 && below != mark.Rest ? ReplyFinder.Trim(below) : null)
            ?? ReplyFinder.Introduced(after) ?? ReplyFinder.Quoted(after)
            ?? (below.Length > 0 ? Longer(below, after, alone) : null)
            ?? Above(lines, line, from)
            ?? ReplyFinder.Introduced(all) ?? ReplyFinder.Quoted(all);
        var phase = DialoguePhase.Of(below);
        return new ToldRecipient(mark.Address, reply ?? all.Trim(), phase == SmtpPhase.Unknown && alone ? DialoguePhase.Of(all) : phase);
    }

    // "There was an error delivering your mail to <a@b>." and the reason in the next paragraph.
    private static string Longer(string line, string after, bool alone)
    {
        var rest = after.Trim();
        return alone && rest.Length is > 0 and < 1_000 ? $"{line}\n{rest}" : line;
    }

    // The rest of a list of what the mail was: "Size (in bytes): 39".
    private static bool IsField(string line) =>
        line.StartsWithAny("from:", "to:", "cc:", "subject:", "sent:", "sent date:", "date:", "size", "number of lines", "message-id:");

    private static string Below(string[] lines, int from, int to, string first)
    {
        var block = new List<string>();
        if (first.Length > 0)
        {
            block.Add(first);
        }

        for (var i = from; i < to && !string.IsNullOrWhiteSpace(lines[i]); i++)
        {
            block.Add(lines[i].Trim());
        }

        return string.Join('\n', block);
    }

    // Notes and some others say why first, and whom below it; a heading says neither.
    private static string? Above(string[] lines, int line, int from)
    {
        var block = new List<string>();
        for (var i = line - 1; i >= from && !string.IsNullOrWhiteSpace(lines[i]); i--)
        {
            block.Insert(0, lines[i].Trim());
        }

        var text = string.Join('\n', block);
        return text.Length == 0 || text.EndsWith(':') || block.Exists(IsField) || text.ContainsAny("following", "-----", "以下の", "folgende", "suivant", "siguiente", "seguent") ? null : text;
    }
}

/// <summary>A line that is about an address because of how it stands in it; <paramref name="Rest"/> is what else the line says.</summary>
internal sealed record LineMark(string Address, string Rest)
{
    /// <summary><c>&lt;a@b&gt;</c> · <c>&lt;a@b&gt;: why</c> · <c>a@b on Mon, ...</c> · <c>Recipient: a@b</c> · <c>&lt;a@b&gt;  (why)</c></summary>
    public static LineMark? Of(string line)
    {
        var at = line.IndexOf('@', StringComparison.Ordinal);
        if (at < 0 || AddressText.AddressAt(line, at) is not var (start, end))
        {
            return null;
        }

        var before = line[..start].Trim(' ', '\t', '<', '>', '*', '-', '"', '\'', '(', '[', '•', '·', '「').ToLowerInvariant();
        var after = line[end..].TrimStart(' ', '\t', '>', '"', '\'', ']', ')', '」').TrimEnd();
        var address = line[start..end];
        switch (before)
        {
            case "":
                break;
            case "recipient:" or "recipient address:" or "final-recipient:" or "addressed to:" or "rcpt to:" or "failed recipient:" or "to address:" or "smtp:" or "address:"
                or "target mail address:" or "email address:" or "original recipient:" or "destination:" or "recipients:" or "empfänger:" or "destinataire :" or "destinatario:":
                return new LineMark(address, after);
            default:
                // SendGrid: name:00000:<address> : why
                return before.EndsWith(':') && !before.Contains(' ', StringComparison.Ordinal) && after.StartsWith(':') ? new LineMark(address, after.TrimStart(':', ' ')) : null;
        }

        // The same address again, as a name or a link, or where it was expanded from.
        while (after.Length > 0 && after[0] is '(' or '<' or '[' && after.IndexOfAny([')', '>', ']']) is var close and > 0
            && (after.Contains(address, StringComparison.OrdinalIgnoreCase) || after.StartsWithAny("(expanded from", "(generated from", "(ultimately")))
        {
            after = after[(close + 1)..].Trim();
            after = after.StartsWith('>') || after.StartsWith(')') ? after[1..].Trim() : after;
        }

        return after switch
        {
            "" or ":" or "," or ";" or "." => new LineMark(address, ""),
            _ when after[0] is ':' or '(' or '[' or '-' or '=' => new LineMark(address, after.TrimStart(':', ' ', '-', '=')),
            _ when after.StartsWithAny("on ", "delivery failed", "failed", "... ", "invalid address", "user unknown", "unknown", "is ", "was ", "could not", "couldn't", "wasn't", "does not", "doesn't", "mailbox") =>
                new LineMark(address, after),
            _ when char.IsAsciiDigit(after[0]) => new LineMark(address, after),
            _ => null,
        };
    }
}
