using Microsoft.Extensions.Logging;
using Relay.Feedback.Incoming;
using Relay.Mail.Bounces;
using Relay.Mail.Classification;
using Relay.Mail.Events;
using Relay.Mail.Incoming;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Mail.Tokens;
using Relay.Smtp.Addresses;

namespace Relay.Feedback.Returns;

/// <summary>
/// Reads what comes back and draws the consequence. The token of the address it came to says of which message it tells,
/// whatever the mail says itself: who has no token changes nothing, and who has one can tell of that message's recipients
/// alone.
/// </summary>
/// <remarks>
/// The rules, in the order in which the code below has them:
/// a bounce ends as <c>bounced</c> a recipient who was delivered, once, and goes to the sender as our own report, in the same
/// step; of a recipient still under way it comes too early and is to be told again, since its unit has an end of its own to
/// come; of one who has ended otherwise it is known. What is only delayed is no end and no attempt of ours: it is counted.
/// A complaint and a wish to be taken off become their events, once. Automatic answers and good news are counted. All else is
/// kept aside. Nothing is ever answered to whoever brought it, so no loop can begin here (RFC 3834, 2).
/// </remarks>
internal sealed partial class ReturnsDesk(
    MailTokens tokens, IIncomingStore store, IFailureReports reports, FeedbackMetrics metrics, TimeProvider time, ILogger<ReturnsDesk> logger) : IIncomingMail
{
    // A host that refuses right after it has accepted is quicker than the step that settles its acceptance.
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(1);

    // Who tells of the same message at the same time is written in turn.
    private const int Looks = 4;

    // Shorter ones are words.
    private const int ShortestClaim = 60;

    public bool Knows(EnvelopeAddress recipient) => tokens.TryRead(recipient.LocalPart, out _);

    public async ValueTask<IncomingResult> TakeAsync(IncomingMail mail, CancellationToken cancellation)
    {
        var report = ReportReader.Read(mail.Content.Span);
        try
        {
            foreach (var recipient in mail.Recipients)
            {
                var result = tokens.TryRead(recipient.LocalPart, out var token)
                    ? await TakeAsync(mail, report, token, recipient, cancellation)
                    : await KeepAsideAsync(mail, recipient, null, "it is for the postmaster", cancellation);
                if (result != IncomingResult.Taken)
                {
                    // What was told already is told once; the rest comes again with it.
                    return result;
                }
            }

            return IncomingResult.Taken;
        }
        catch (StoreUnavailableException exception)
        {
            LogUnavailable(mail.Id, exception.Message);
            return exception.IsFull ? IncomingResult.StoreFull : IncomingResult.StoreUnavailable;
        }
    }

    private ValueTask<IncomingResult> TakeAsync(IncomingMail mail, IncomingReport report, MailToken token, EnvelopeAddress recipient, CancellationToken cancellation) =>
        (report.Kind, token.Purpose) switch
        {
            (ReportKind.Bounce, not TokenPurpose.Unsubscribe) => BounceAsync(mail, report, token, recipient, cancellation),
            (ReportKind.Complaint, _) => ComplaintAsync(mail, report, token, recipient, cancellation),
            (ReportKind.Unsubscribe, not TokenPurpose.Complaint) => UnsubscribeAsync(mail, report, token, recipient, cancellation),
            (ReportKind.AutoReply, _) => Counted(Reception.AutoReply),
            (ReportKind.Other, _) when report.IsNews => Counted(Reception.News),
            // Whatever a reader writes to this address, he wants off (RFC 2369, 3.2).
            (ReportKind.Other, TokenPurpose.Unsubscribe) => UnsubscribeAsync(mail, report, token, recipient, cancellation),
            _ => KeepAsideAsync(mail, recipient, token.Message, "it is no report", cancellation),
        };

    private async ValueTask<IncomingResult> BounceAsync(IncomingMail mail, IncomingReport report, MailToken token, EnvelopeAddress recipient, CancellationToken cancellation)
    {
        var failed = report.Recipients.Where(told => !told.IsDelayed).ToList();
        if (failed.Count == 0)
        {
            return report.Recipients.Count > 0
                ? await Counted(Reception.Delayed)
                : await KeepAsideAsync(mail, recipient, token.Message, "it is a bounce that names no address", cancellation);
        }

        var waited = false;
        for (var look = 0; look < Looks; look++)
        {
            if (await FindAsync(token, cancellation) is not { } sent)
            {
                return await Counted(Reception.Forgotten);
            }

            var found = failed.Select(told => (Told: told, Index: token.Recipient ?? sent.Find(told.Original, told.Address)))
                .Where(each => each.Index < sent.Summary.Recipients.Count)
                .DistinctBy(each => each.Index)
                .Select(each => (each.Told, Index: each.Index!.Value))
                .ToList();
            if (found.Count == 0)
            {
                return await KeepAsideAsync(mail, recipient, token.Message, "it is a bounce of addresses that the message did not go to", cancellation);
            }

            if (found.Exists(each => sent.IsUnderWay(each.Index)))
            {
                if (waited)
                {
                    return IncomingResult.TooEarly;
                }

                waited = true;
                await Task.Delay(Settling, time, cancellation);
                continue;
            }

            var late = found.Where(each => sent.StateOf(each.Index) is RecipientState.Delivered or RecipientState.Complained).ToList();
            if (late.Count == 0)
            {
                return await Counted(Reception.Known);
            }

            if (await TellAsync(Reception.Bounce, BounceOf(sent, late), cancellation) is { } result)
            {
                return result;
            }
        }

        // Others have told of it again and again meanwhile.
        return await Counted(Reception.Known);
    }

    private Telling BounceOf(SentMail sent, List<(ReportedRecipient Told, int Index)> late)
    {
        var now = time.GetUtcNow();
        var report = sent.ForReport() is { } original
            ? reports.Compose(original, [.. late.Select(each => new FailedRecipient(each.Index, StatusOf(each.Told), ReplyOf(each.Told), null, now))])
            : null;
        return new Telling(
            sent.Id,
            [
                .. late.Select(each => sent.EventOf(MailEventType.Bounced, each.Index, now) with
                {
                    Reply = ReplyOf(each.Told),
                    Rule = each.Told.Rule,
                    Suppresses = each.Told.Consequence.HasFlag(Consequence.Suppress) ? true : null,
                }),
            ],
            report is null ? [] : [report],
            sent.IsOver);
    }

    private async ValueTask<IncomingResult> ComplaintAsync(IncomingMail mail, IncomingReport report, MailToken token, EnvelopeAddress recipient, CancellationToken cancellation)
    {
        for (var look = 0; look < Looks; look++)
        {
            if (await FindAsync(token, cancellation) is not { } sent)
            {
                return await KeepAsideAsync(mail, recipient, token.Message, "it is a complaint about a message that is forgotten", cancellation);
            }

            var found = report.Recipients.Select(told => token.Recipient ?? sent.Find(told.Original, told.Address))
                .Append(token.Recipient ?? sent.Find())
                .Where(index => index < sent.Summary.Recipients.Count)
                .OfType<int>().Distinct().ToList();
            if (found.Count == 0)
            {
                return await KeepAsideAsync(mail, recipient, token.Message, "it is a complaint that does not tell who complains", cancellation);
            }

            var now = time.GetUtcNow();
            var told = found.Where(index => !sent.Has(MailEventType.Complained, index)).ToList();
            if (told.Count == 0)
            {
                return await Counted(Reception.Known);
            }

            var events = told.Select(index => sent.EventOf(MailEventType.Complained, index, now) with { Reply = report.FeedbackType ?? "abuse", Rule = "feedback" });
            if (await TellAsync(Reception.Complaint, new Telling(sent.Id, [.. events], [], sent.IsOver), cancellation) is { } result)
            {
                return result;
            }
        }

        return await Counted(Reception.Known);
    }

    private async ValueTask<IncomingResult> UnsubscribeAsync(IncomingMail mail, IncomingReport report, MailToken token, EnvelopeAddress recipient, CancellationToken cancellation)
    {
        var claim = ClaimIn(report.Subject);
        for (var look = 0; look < Looks; look++)
        {
            // The claim needs no memory: it works when the message is long forgotten.
            var sent = await FindAsync(claim?.Message ?? token.Message, cancellation);
            var now = time.GetUtcNow();
            MailEvent wish;
            if (claim is not null)
            {
                wish = new MailEvent
                {
                    Time = now,
                    Type = MailEventType.Unsubscribed,
                    Message = claim.Message,
                    Account = claim.Account,
                    Recipient = claim.Address,
                    Stream = claim.Stream,
                };
            }
            else if (sent is not null && (token.Recipient ?? sent.Find([.. report.Recipients.Select(told => told.Address)])) is { } index && index < sent.Summary.Recipients.Count)
            {
                wish = sent.EventOf(MailEventType.Unsubscribed, index, now);
            }
            else
            {
                LogNotTakenOff(mail.Id, token.Message);
                return await KeepAsideAsync(
                    mail, recipient, token.Message, sent is null ? "it is a wish to be taken off, of a message that is forgotten" : "it is a wish to be taken off, and does not tell whose", cancellation);
            }

            if (sent?.Has(wish) == true)
            {
                return await Counted(Reception.Known);
            }

            wish = wish with { Reply = "by mail", Rule = "unsubscribe.mail" };
            if (await TellAsync(Reception.Unsubscribe, new Telling(wish.Message, [wish], [], sent?.IsOver ?? true), cancellation) is { } result)
            {
                return result;
            }
        }

        return await Counted(Reception.Known);
    }

    // Mail programs send the subject that the link names; some put words of their own around it.
    private Unsubscription? ClaimIn(string subject) =>
        subject.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
            .Where(word => word.Length >= ShortestClaim)
            .Select(word => Unsubscription.Open(tokens, word))
            .FirstOrDefault(claim => claim is not null);

    private ValueTask<SentMail?> FindAsync(MailToken token, CancellationToken cancellation) => FindAsync(token.Message, cancellation);

    private async ValueTask<SentMail?> FindAsync(MessageId id, CancellationToken cancellation) =>
        await store.FindAsync(id, cancellation) is { } activity ? new SentMail(activity) : null;

    // Null when it was told before, so that the message has to be looked at anew.
    private async ValueTask<IncomingResult?> TellAsync(Reception reception, Telling telling, CancellationToken cancellation)
    {
        switch (await store.TellAsync(telling, cancellation))
        {
            case TellResult.Told:
                LogTold(telling.Message, reception, telling.Events.Count, telling.Reports.Count);
                return await Counted(reception);
            case TellResult.ToldBefore:
                return null;
            case TellResult.StoreFull:
                return IncomingResult.StoreFull;
            default:
                return IncomingResult.StoreUnavailable;
        }
    }

    private async ValueTask<IncomingResult> KeepAsideAsync(IncomingMail mail, EnvelopeAddress recipient, MessageId? about, string reason, CancellationToken cancellation)
    {
        var content = mail.Content[..Math.Min(mail.Content.Length, AsideMail.MaxContent)];
        await store.KeepAsideAsync(
            new AsideMail
            {
                Id = mail.Id,
                Time = mail.ReceivedAt,
                Reason = reason,
                Recipient = recipient.Text,
                Sender = mail.Sender?.Text ?? "",
                Client = mail.Client.ToString(),
                About = about,
                Length = mail.Length,
                Content = content.ToArray(),
            },
            cancellation);
        LogAside(mail.Id, about, reason);
        return await Counted(Reception.Aside);
    }

    private ValueTask<IncomingResult> Counted(Reception reception)
    {
        metrics.Came(reception);
        return ValueTask.FromResult(IncomingResult.Taken);
    }

    private static string StatusOf(ReportedRecipient told) => told.Status ?? "5.0.0";

    private static string ReplyOf(ReportedRecipient told) => told.Reply ?? "the report does not say why";

    [LoggerMessage(Level = LogLevel.Information, Message = "Message {Message} came back as {Reception}: {Events} recipients, {Reports} reports to its sender")]
    private partial void LogTold(MessageId message, Reception reception, int events, int reports);

    [LoggerMessage(Level = LogLevel.Information, Message = "Incoming mail {Incoming} about {Message} is kept aside: {Reason}")]
    private partial void LogAside(MessageId incoming, MessageId? message, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Incoming mail {Incoming} asks to be taken off, and nobody was: {Message} does not tell who wrote it")]
    private partial void LogNotTakenOff(MessageId incoming, MessageId message);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Incoming mail {Incoming} could not be taken: {Reason}")]
    private partial void LogUnavailable(MessageId incoming, string reason);
}
