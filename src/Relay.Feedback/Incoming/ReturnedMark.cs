namespace Relay.Feedback.Incoming;

/// <summary>Finds where a report stops talking and begins to give the mail back.</summary>
internal static class ReturnedMark
{
    // As a line begins, its rules and stars left out.
    private static readonly string[] Marks =
    [
        "below this line is a copy", "this is a copy of", "this is a copy", "enclosed is a copy", "included is a copy", "here is a copy", "below is a copy",
        "copy of the message", "copy of your message", "a copy of your message", "a copy of the original", "a copy of the message",
        "original message follows", "the original message follows", "original message header", "original message text", "original message -", "original mail as follows",
        "original message below", "original message body", "the original message was included", "original headers", "original mail",
        "header of the original message", "the header of the original message", "headers of the original message", "message header", "the message header",
        "the following is the header", "the message that caused", "message headers follow", "message header follow", "message contents follow", "message follows",
        "unsent message", "unsent message follows", "unsent message below", "undelivered message", "undeliverable message text", "returned message", "rejected message",
        "returned mail follows", "start of returned message", "returned message follows", "your message follows", "your original message", "your message reads",
        "text of your message", "text of your mail", "first lines of", "message text follows", "bounced e-mail", "bounced message", "bounced mail",
        "body of message", "body of your message", "forwarded message", "----- original", "content-type: message/rfc822", "content-type: text/rfc822-headers",
        "a mensagem original", "mensaje original", "ursprüngliche nachricht", "message d'origine", "messaggio originale", "исходное сообщение", "original-nachricht",
        "元のメッセージ", "元のメール", "送信したメール", "原始邮件",
    ];

    public static string Before(string text)
    {
        var at = 0;
        var heads = 0;
        var firstHead = 0;
        foreach (var line in Split(text))
        {
            var start = at;
            at += line.Length;
            var content = line.AsSpan().Trim(" \t\r\n-=*_#>|:.~+").ToString();
            if (content.StartsWithAny(Marks) || content.Equals("original message", StringComparison.OrdinalIgnoreCase))
            {
                return text[..start];
            }

            // Without any such line: two fields of a header that begins as every header does.
            if (heads == 0 ? line.StartsWithAny("Received: ", "Return-Path: ", "Delivered-To: ") : IsField(line))
            {
                firstHead = heads++ == 0 ? start : firstHead;
                if (heads == 2)
                {
                    return text[..firstHead];
                }
            }
            else if (line[0] is not (' ' or '\t'))
            {
                heads = 0;
            }
        }

        return text;
    }

    private static bool IsField(string line) =>
        line.IndexOf(':', StringComparison.Ordinal) is var colon and > 1 && !line.AsSpan(0, colon).ContainsAnyExceptInRange('!', '~');

    private static IEnumerable<string> Split(string text)
    {
        var from = 0;
        while (from < text.Length)
        {
            var end = text.IndexOf('\n', from);
            end = end < 0 ? text.Length : end + 1;
            yield return text[from..end];
            from = end;
        }
    }
}
