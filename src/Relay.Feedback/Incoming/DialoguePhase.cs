using Relay.Mail.Classification;

namespace Relay.Feedback.Incoming;

/// <summary>How far a dialogue was, by the ways in which mail servers say it.</summary>
internal static class DialoguePhase
{
    private static readonly (SmtpPhase Phase, string[] Signs)[] Signs =
    [
        // A later command refused for want of a recipient: RCPT had been refused.
        (SmtpPhase.Recipient, ["need rcpt", "no valid recipients", "valid rcpt command must precede", "rcpt first", "all rcpt commands were rejected"]),
        (SmtpPhase.Content,
        [
            "in reply to end of data", "in reply to data", "after end of data", "after pipelined end of data", "after data", "after sending data", "our final data", "our data",
            "after i sent the message", "failed on data", "message (data)", "smtp command\ndata", "smtp command\r\ndata", "[data]", "[eom]", "end of message",
            "while sending message body", "after message body", "smtp:data",
        ]),
        (SmtpPhase.Recipient,
        [
            "in reply to rcpt", "after rcpt", "after pipelined rcpt", "our rcpt to", "does not like recipient", "[rcpt_to]", "(rcpt to)", "rcpt command", "smtp command\nrcpt",
            "smtp command\r\nrcpt", "message (rcpt", "sent: rcpt to", "--> rcpt to", "smtp:rcpt",
        ]),
        (SmtpPhase.Sender,
        [
            "in reply to mail", "after mail from", "after pipelined mail from", "our mail from", "does not like sender", "[mail_from]", "(mail from)", "smtp command\nmail",
            "smtp command\r\nmail", "message (mail", "doesn't like your sender", "smtp:mail",
        ]),
        (SmtpPhase.Connection,
        [
            "refused to talk to me", "after initial connection", "after ehlo", "after helo", "after starttls", "in reply to helo", "in reply to ehlo", "did not like our ehlo", "did not like our helo",
            "did not like our greeting", "connected to", "[connect]", "[helo]", "initial greeting", "does not like our greeting",
        ]),
    ];

    public static SmtpPhase Of(string words)
    {
        // Folded lines part a sign in two.
        var line = words.ReplaceLineEndings("\n");
        var joined = string.Join(' ', line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        foreach (var (phase, signs) in Signs)
        {
            if (joined.ContainsAny(signs) || line.ContainsAny(signs))
            {
                return phase;
            }
        }

        return SmtpPhase.Unknown;
    }

    /// <summary>
    /// Of a reply itself: Postfix and sendmail put the recipient in front of what they answer to RCPT,
    /// <c>550 &lt;ada@example.net&gt;: ...</c> and <c>550 ada@example.net... ...</c>; a reply to the content is for all recipients and names none.
    /// </summary>
    /// <remarks>Weak evidence: a code that says something is believed more.</remarks>
    public static SmtpPhase OfReply(RemoteWords words, string address)
    {
        var reply = words.Text;
        if (words.Status is { Detail: not 0 })
        {
            return SmtpPhase.Unknown;
        }

        var at = reply.IndexOf(address, StringComparison.OrdinalIgnoreCase);
        if (at < 0 || reply.AsSpan(0, at).ContainsAnyExcept("0123456789.-<# \"") || at == 0)
        {
            return SmtpPhase.Unknown;
        }

        var after = reply.AsSpan(at + address.Length).TrimStart('>');
        return after.StartsWith(": ") || after.StartsWith("... ") || after.StartsWith(":\n") ? SmtpPhase.Recipient : SmtpPhase.Unknown;
    }

    public static SmtpPhase OfCommand(string command) => command.TrimStart() switch
    {
        var c when c.StartsWithAny("RCPT") => SmtpPhase.Recipient,
        var c when c.StartsWithAny("MAIL") => SmtpPhase.Sender,
        var c when c.StartsWithAny("DATA", "BDAT", ".") => SmtpPhase.Content,
        var c when c.StartsWithAny("EHLO", "HELO", "STARTTLS", "AUTH") => SmtpPhase.Connection,
        _ => SmtpPhase.Unknown,
    };
}
