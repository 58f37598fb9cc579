using System.Text;
using Relay.Mail.Bounces;
using Relay.Mail.Messages;

namespace Relay.Feedback.Bounces;

/// <summary>What people read who asked to hear of success: who has the message, and why that is all they will hear.</summary>
internal static class RelayedText
{
    public static string Write(Message original, IReadOnlyList<RelayedRecipient> relayed, string host)
    {
        var text = new StringBuilder();
        text.Append($"This is the mail server {host}. You asked to be told when your message is delivered. It was taken by the\n");
        text.Append("mail server of each address below, which cannot tell you more: no other report of success will come.\n\n");
        text.Append($"    Subject:    {original.Subject}\n");
        text.Append($"    Message-ID: {original.MessageIdHeader}\n");
        foreach (var recipient in relayed)
        {
            text.Append($"\n<{original.Envelope.Recipients[recipient.Index].Address.Text}>\n");
            text.Append($"    {recipient.Host} said: {FailureText.OneLine(recipient.Reply)}\n");
        }

        return text.ToString();
    }
}
