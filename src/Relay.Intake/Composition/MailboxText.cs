using System.Buffers;
using Relay.Smtp.Addresses;

namespace Relay.Intake.Composition;

/// <summary>Reads <c>user@example.com</c> and <c>Name &lt;user@example.com&gt;</c>. One text, one address: a list in a text is refused rather than cut.</summary>
internal static class MailboxText
{
    private static readonly SearchValues<char> Specials = SearchValues.Create("<>()[]:;@\\,\"");

    public static bool TryRead(string text, out Mailbox mailbox, out string problem)
    {
        text = text.Trim(' ');
        var open = text.EndsWith('>') ? text.LastIndexOf('<') : -1;
        var name = open > 0 ? text[..open].Trim(' ') : "";

        if (!TryReadName(name, out name))
        {
            mailbox = null!;
            problem = "the name before the address must be in quotes when it holds a comma, an @ or brackets; or give { email, name }";
            return false;
        }

        return TryRead(open < 0 ? text : text[(open + 1)..^1], name, out mailbox, out problem);
    }

    public static bool TryRead(string email, string name, out Mailbox mailbox, out string problem)
    {
        mailbox = null!;
        if (!PlainText.IsOneLine(name))
        {
            problem = $"the name {PlainText.Rule}";
            return false;
        }

        if (!EnvelopeAddress.TryParse(email, out var address, out problem))
        {
            // As a mail program's line has them.
            problem = email.AsSpan().ContainsAny(',', ';') ? $"{problem}; several addresses are a list of texts, not one text" : problem;
            return false;
        }

        // An atom may look like one, and goes into the header as it stands.
        if (!PlainText.IsOneLine(email))
        {
            problem = $"the address {PlainText.Rule}";
            return false;
        }

        mailbox = new Mailbox(address, name);
        return true;
    }

    private static bool TryReadName(string text, out string name)
    {
        name = text;
        if (text is not ['"', .. var quoted, '"'])
        {
            return !text.AsSpan().ContainsAny(Specials);
        }

        name = quoted.Replace("\\\"", "\"", StringComparison.Ordinal).Replace("\\\\", "\\", StringComparison.Ordinal);
        return !quoted.Replace("\\\\", "", StringComparison.Ordinal).Replace("\\\"", "", StringComparison.Ordinal).Contains('"', StringComparison.Ordinal);
    }
}
