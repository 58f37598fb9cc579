using Relay.Feedback.Incoming;
using Relay.Feedback.Lists;
using Relay.Mail.Bounces;
using Relay.Mail.Classification;
using Relay.Mail.Events;
using Relay.Mail.Incoming;
using Relay.Mail.Tokens;

namespace Relay.Feedback.Returns;

/// <summary>
/// The rules for what comes back, one a method. They look at the message as it stands and write nothing:
/// a bounce ends as <c>bounced</c> a recipient who was delivered, once, and goes to the sender as our own report; of a
/// recipient still under way it comes too early, since its unit has an end of its own to come; of one who has ended otherwise
/// it is known. What is only delayed is no end and no attempt of ours. Complaints and wishes to be taken off become their
/// events, once as long as they hold. From what becomes of mail that is not the account's own nothing follows for its other mail.
/// </summary>
internal sealed class Findings(IFailureReports reports, TimeProvider time)
{
    // Shorter ones are words.
    private const int ShortestClaim = 60;

    private static readonly Finding.Nothing Known = new(Reception.Known);

    /// <summary>What a subject claims: mail programs send the one that the link names, some with words of their own around it.</summary>
    public static Unsubscription? ClaimIn(string subject, MailTokens tokens) =>
        subject.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
            .Where(word => word.Length >= ShortestClaim)
            .Select(word => Unsubscription.Open(tokens, word))
            .FirstOrDefault(claim => claim is not null);

    public Finding OfBounce(IncomingReport report, MailToken token, SentMail? sent)
    {
        var failed = report.Recipients.Where(told => !told.IsDelayed).ToList();
        if (failed.Count == 0)
        {
            return report.Recipients.Count > 0 ? new Finding.Nothing(Reception.Delayed) : new Finding.Strange("it is a bounce that names no address");
        }

        if (sent is null)
        {
            return new Finding.Nothing(Reception.Forgotten);
        }

        var found = failed.Select(told => (Told: told, Index: sent.Find(token, told.Original, told.Address)))
            .Where(each => each.Index is not null)
            .DistinctBy(each => each.Index)
            .Select(each => (each.Told, Index: each.Index!.Value))
            .ToList();
        if (found.Count == 0)
        {
            return new Finding.Strange("it is a bounce of addresses that the message did not go to");
        }

        if (found.Exists(each => sent.IsUnderWay(each.Index)))
        {
            return Finding.Early.Instance;
        }

        var late = found.Where(each => sent.StateOf(each.Index) is RecipientState.Delivered or RecipientState.Complained).ToList();
        return late.Count == 0 ? Known : new Finding.Told(Reception.Bounce, BounceOf(sent, late));
    }

    public Finding OfComplaint(IncomingReport report, MailToken token, SentMail? sent)
    {
        if (sent is null)
        {
            return new Finding.Strange("it is a complaint about a message that is forgotten");
        }

        var found = report.Recipients.Select(told => sent.Find(token, told.Original, told.Address)).Append(sent.Find(token)).OfType<int>().Distinct().ToList();
        if (found.Count == 0)
        {
            return new Finding.Strange("it is a complaint that does not tell who complains");
        }

        var now = time.GetUtcNow();
        var wishes = found.Select(index => sent.EventOf(MailEventType.Complained, index, now) with { Reply = report.FeedbackType ?? "abuse", Rule = "feedback" });
        return new Finding.TakesOff(Reception.Complaint, [.. wishes]);
    }

    /// <summary>It does not matter whether the message is known.</summary>
    public Finding OfClaim(Unsubscription claim) => Unsubscribes(OptOuts.EventOf(claim, time.GetUtcNow()));

    public Finding OfWish(IncomingReport report, MailToken token, SentMail? sent) =>
        sent is null ? new Finding.Strange("it is a wish to be taken off, of a message that is forgotten")
        : sent.Find(token, [.. report.Recipients.Select(told => told.Address)]) is not { } index ? new Finding.Strange("it is a wish to be taken off, and does not tell whose")
        : Unsubscribes(sent.EventOf(MailEventType.Unsubscribed, index, time.GetUtcNow()));

    private static Finding.TakesOff Unsubscribes(MailEvent wish) =>
        new(Reception.Unsubscribe, [wish with { Reply = "by mail", Rule = "unsubscribe.mail" }]);

    private Telling BounceOf(SentMail sent, List<(ReportedRecipient Told, int Index)> late)
    {
        var now = time.GetUtcNow();
        var report = sent.ForReport() is { } original
            ? reports.Compose(original, [.. late.Select(each => new FailedRecipient(each.Index, each.Told.Status ?? "5.0.0", ReplyOf(each.Told), null, now))])
            : null;
        var events = late.Select(each => sent.EventOf(MailEventType.Bounced, each.Index, now) with
        {
            Reply = ReplyOf(each.Told),
            Rule = each.Told.Rule,
            Suppresses = each.Told.Consequence.HasFlag(Consequence.Suppress) && sent.MaySuppress ? true : null,
        });
        return new Telling(sent.Id, [.. events], report is null ? [] : [report], sent.Activity.IsOver());
    }

    private static string ReplyOf(ReportedRecipient told) => told.Reply ?? "the report does not say why";
}
