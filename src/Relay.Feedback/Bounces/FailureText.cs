using System.Text;
using Relay.Mail.Bounces;
using Relay.Mail.Messages;

namespace Relay.Feedback.Bounces;

/// <summary>The part of a report that people read: which address, what was said, what to do.</summary>
internal static class FailureText
{
    private const int MaxReply = 2_000;

    public static string Write(Message original, IReadOnlyList<FailedRecipient> failures, string host)
    {
        var text = new StringBuilder();
        text.Append($"This is the mail server {host}. Your message was not delivered to\n");
        text.Append(failures.Count == 1 ? "the address below. It will not be tried again.\n\n" : "the addresses below. It will not be tried again.\n\n");
        text.Append($"    Subject:    {original.Subject}\n");
        text.Append($"    Message-ID: {original.MessageIdHeader}\n");
        foreach (var failure in failures)
        {
            var recipient = original.Envelope.Recipients[failure.Index].Address;
            text.Append($"\n<{recipient.Text}>\n");
            text.Append(failure.Host is null ? $"    {OneLine(failure.Reply)}\n" : $"    {failure.Host} said: {OneLine(failure.Reply)}\n");
            text.Append($"    {Advice(failure.Status)}\n");
        }

        return text.ToString();
    }

    // By subject and detail of the code alone (RFC 3463, 3): the words differ from server to server.
    private static string Advice(string status) => status.Split('.') switch
    {
        [_, "1", "8" or "7"] => "Your own address was not taken. Ask whoever looks after your mail to check it.",
        [_, "1", _] => "The address seems not to exist. Check it for typing errors, or ask the person for a new one.",
        [_, "2", "2"] => "The mailbox is full. Try again in a few days, or reach the person another way.",
        [_, "2", "3"] or [_, "3", "4"] => "The message is too large for that server. Send it smaller, or send a link instead.",
        [_, "2", _] => "The mailbox takes no mail at present. Reach the person another way.",
        [_, "4", _] => "The server of that address could not be reached. Check the part behind the @; if it is right, send again later.",
        [_, "7", _] => "That server does not want this mail. Its words above say why; show them to whoever looks after your mail.",
        _ => "The words above say why. If they do not help, show this report to whoever looks after your mail.",
    };

    public static string OneLine(string reply)
    {
        var line = reply.Length > MaxReply ? reply[..MaxReply] : reply;
        return line.ReplaceLineEndings(" ");
    }
}
