using Relay.Delivery.Connections;
using Relay.Mail.Classification;
using Relay.Smtp.Replies;

namespace Relay.Delivery.Sending;

/// <summary>
/// What a reply comes to. Its code says whether it may be tried again, its first digit where the code is not known
/// (RFC 5321, 4.2); the rules of <see cref="ReplyClassifier"/> say who is at fault and what follows. A temporary no never ends
/// a message, and a final one is put off only where the rules say that it speaks about us and not about the mail.
/// </summary>
internal static class Verdict
{
    // As the rules file calls it.
    private const string TooManyAtOnce = "too-many-at-once";

    public static Outcome Of(RemoteReply reply, SmtpConnection connection, SmtpPhase phase) => (reply.Code / 100) switch
    {
        2 => new Outcome.Delivered(reply.Line()),
        4 or 5 => Judge(reply.Decode(), connection.Host.Name, phase),

        // Go on, said where there is nothing to go on with.
        _ => new Outcome.Deferred(reply.Line(), DeliveryRules.Unexpected),
    };

    /// <summary>The reply to one RCPT of several: 552 then means too many of them, and is temporary (RFC 5321, 4.5.3.1.10).</summary>
    public static Outcome OfRecipient(RemoteReply reply, SmtpConnection connection, bool amongOthers)
    {
        var outcome = reply.Code == 552 && amongOthers
            ? new Outcome.Deferred(reply.Line(), DeliveryRules.TooManyRecipients)
            : Of(reply, connection, SmtpPhase.Recipient);
        return amongOthers && outcome is Outcome.Deferred deferred && ReplyClassifier.Default.Explain(deferred.Rule!) is { Class: TooManyAtOnce }
            ? deferred with { IsOneTooMany = true }
            : outcome;
    }

    /// <summary>A refusal before any message was named: whatever the remote says, it has not judged one (RFC 5321, 3.1).</summary>
    public static Outcome.Deferred OfConnection(RemoteReply reply, string host) => Judge(reply.Decode(), host, SmtpPhase.Connection) switch
    {
        Outcome.Deferred deferred => deferred,
        var final => new Outcome.Deferred(final.Reply, final.Rule!) { Follows = final.Follows & ~Consequence.Suppress, IsRemotes = true },
    };

    public static Outcome Judge(SmtpReply reply, string host, SmtpPhase phase)
    {
        var words = RemoteWords.Of(reply, host, phase);
        var result = ReplyClassifier.Default.Classify(words);
        return result.Consequence.HasFlag(Consequence.Bounce)
            ? new Outcome.Bounced(reply.ToString(), words.Status?.ToString() ?? "5.0.0", result.Rule) { Follows = result.Consequence, IsRemotes = true }
            : new Outcome.Deferred(reply.ToString(), result.Rule) { Follows = result.Consequence, IsRemotes = true, Wait = NamedWait.Find(words.Text) };
    }
}
