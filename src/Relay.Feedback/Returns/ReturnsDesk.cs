using Microsoft.Extensions.Logging;
using Relay.Feedback.Incoming;
using Relay.Feedback.Lists;
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
/// What is told becomes events (<see cref="Findings"/>), once however often it is told. Automatic answers and good news are
/// counted. All else is kept aside. Nothing is ever answered to whoever brought it, so no loop can begin here (RFC 3834, 2).
/// </remarks>
internal sealed partial class ReturnsDesk(
    MailTokens tokens, IIncomingStore store, Findings findings, OptOuts optOuts, FeedbackMetrics metrics, TimeProvider time, ILogger<ReturnsDesk> logger) : IIncomingMail
{
    // A host that refuses right after it has accepted is quicker than the step that settles its acceptance.
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(1);

    // Who tells of the same message at the same time is written in turn.
    private const int Looks = 4;

    public bool Knows(EnvelopeAddress recipient) => tokens.TryRead(recipient.LocalPart, out _);

    public bool MayComeToKnow(EnvelopeAddress recipient) => tokens.MayBeRead(recipient.LocalPart);

    public async ValueTask<IncomingResult> TakeAsync(IncomingMail mail, CancellationToken cancellation)
    {
        var report = ReportReader.Read(mail.Content.Span);
        try
        {
            // A token is the same one whatever domain stands behind it.
            foreach (var recipient in mail.Recipients.DistinctBy(address => Knows(address) ? address.LocalPart : address.Text, StringComparer.OrdinalIgnoreCase))
            {
                var result = await TakeAsync(mail, report, recipient, cancellation);
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

    private ValueTask<IncomingResult> TakeAsync(IncomingMail mail, IncomingReport report, EnvelopeAddress recipient, CancellationToken cancellation) =>
        tokens.TryRead(recipient.LocalPart, out var token) || (report.Kind == ReportKind.Complaint && TryReadSentWith(report, out token))
            ? TakeAsync(mail, report, token, recipient, cancellation)
            : KeepAsideAsync(mail, recipient, null, "it is for people", cancellation);

    // What comes to a return path programs have sent: a wish in it may be anybody's first words, and counts only where it stands
    // at the address that is for it, or claims what we sealed.
    private ValueTask<IncomingResult> TakeAsync(IncomingMail mail, IncomingReport report, MailToken token, EnvelopeAddress recipient, CancellationToken cancellation) =>
        (report.Kind, token.Purpose) switch
        {
            (ReportKind.Bounce, not TokenPurpose.Unsubscribe) => TellAsync(mail, token.Message, recipient, sent => findings.OfBounce(report, token, sent), cancellation),
            (ReportKind.Complaint, _) => TellAsync(mail, token.Message, recipient, sent => findings.OfComplaint(report, token, sent), cancellation),
            // The claim needs no memory: it works when the message is long forgotten.
            (not ReportKind.Bounce, _) when Findings.ClaimIn(report.Subject, tokens) is { } claim =>
                TellAsync(mail, claim.Message, recipient, _ => findings.OfClaim(claim), cancellation),
            (ReportKind.Unsubscribe, TokenPurpose.Unsubscribe) => OfWishAsync(mail, report, token, recipient, cancellation),
            (ReportKind.AutoReply, _) => Counted(Reception.AutoReply),
            (ReportKind.Other, _) when report.IsNews => Counted(Reception.News),
            // Whatever a reader writes to this address, he wants off (RFC 2369, 3.2).
            (ReportKind.Other, TokenPurpose.Unsubscribe) => OfWishAsync(mail, report, token, recipient, cancellation),
            (ReportKind.Unsubscribe, _) => KeepAsideAsync(mail, recipient, token.Message, "it is a wish to be taken off, and came to another address than the one for it", cancellation),
            _ => KeepAsideAsync(mail, recipient, token.Message, "it is no report", cancellation),
        };

    private ValueTask<IncomingResult> OfWishAsync(IncomingMail mail, IncomingReport report, MailToken token, EnvelopeAddress recipient, CancellationToken cancellation) =>
        TellAsync(mail, token.Message, recipient, sent => findings.OfWish(report, token, sent), cancellation);

    private async ValueTask<IncomingResult> TellAsync(
        IncomingMail mail, MessageId message, EnvelopeAddress recipient, Func<SentMail?, Finding> look, CancellationToken cancellation)
    {
        var waited = false;
        for (var looks = 0; looks < Looks; looks++)
        {
            var sent = await store.FindAsync(message, cancellation) is { } activity ? new SentMail(activity) : null;
            switch (look(sent))
            {
                case Finding.Nothing nothing:
                    return await Counted(nothing.Reception);

                case Finding.Strange strange:
                    return await KeepAsideAsync(mail, recipient, message, strange.Reason, cancellation);

                case Finding.Early when waited:
                    return IncomingResult.TooEarly;

                case Finding.Early:
                    waited = true;
                    await Task.Delay(Settling, time, cancellation);
                    break;

                case Finding.TakesOff takesOff:
                    return await TakeOffAsync(takesOff, sent, cancellation);

                case Finding.Told { Reception: var reception, Telling: var telling }:
                    switch (await store.TellAsync(telling, cancellation))
                    {
                        case TellResult.Told:
                            LogTold(message, reception, telling.Events.Count, telling.Reports.Count);
                            return await Counted(reception);
                        case TellResult.ToldBefore:
                            break;
                        case TellResult.StoreFull:
                            return IncomingResult.StoreFull;
                        default:
                            return IncomingResult.StoreUnavailable;
                    }

                    break;
            }
        }

        // Others have told of it again and again meanwhile.
        return await Counted(Reception.Known);
    }

    private async ValueTask<IncomingResult> TakeOffAsync(Finding.TakesOff finding, SentMail? sent, CancellationToken cancellation)
    {
        var told = 0;
        foreach (var wish in finding.Wishes)
        {
            switch (await optOuts.TakeAsync(wish, sent?.Activity, cancellation))
            {
                case TellResult.Told:
                    told++;
                    break;
                case TellResult.StoreFull:
                    return IncomingResult.StoreFull;
                case TellResult.StoreUnavailable:
                    return IncomingResult.StoreUnavailable;
            }
        }

        if (told == 0)
        {
            return await Counted(Reception.Known);
        }

        LogTold(finding.Wishes[0].Message, finding.Reception, told, 0);
        return await Counted(finding.Reception);
    }

    // To an address for all complaints: the mail that it gives back bears a token.
    private bool TryReadSentWith(IncomingReport report, out MailToken token)
    {
        token = default;
        foreach (var address in report.SentWith)
        {
            if (tokens.TryRead(address.AsSpan(0, address.IndexOf('@', StringComparison.Ordinal)), out token))
            {
                return true;
            }
        }

        return false;
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

    [LoggerMessage(Level = LogLevel.Information, Message = "Message {Message} came back as {Reception}: {Events} recipients, {Reports} reports to its sender")]
    private partial void LogTold(MessageId message, Reception reception, int events, int reports);

    [LoggerMessage(Level = LogLevel.Information, Message = "Incoming mail {Incoming} about {Message} is kept aside: {Reason}")]
    private partial void LogAside(MessageId incoming, MessageId? message, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Incoming mail {Incoming} could not be taken: {Reason}")]
    private partial void LogUnavailable(MessageId incoming, string reason);
}
