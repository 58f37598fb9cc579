using Relay.Mail.Events;
using Relay.Mail.Incoming;
using Relay.Mail.Messages;
using Relay.Mail.Suppressions;
using Relay.Mail.Tokens;
using Relay.Smtp.Addresses;

namespace Relay.Feedback.Lists;

/// <summary>
/// Takes people off who want no more, or call it spam, whichever way they said so: an event of the mail, and at once the
/// suppression that follows from it. Whether that is news the suppression tells: who was let in again can go again.
/// </summary>
internal sealed class OptOuts(ISuppressionStore suppressions, IIncomingStore store)
{
    /// <summary>The event of a claim; how it was made is for the caller to say.</summary>
    public static MailEvent EventOf(Unsubscription claim, DateTimeOffset now) => new()
    {
        Time = now,
        Type = MailEventType.Unsubscribed,
        Message = claim.Message,
        Account = claim.Account,
        Recipient = claim.Address,
        Stream = claim.Stream,
        Suppresses = claim.Mode == MessageMode.Live ? null : false,
    };

    /// <param name="activity">The message as it is known; null where it is forgotten.</param>
    /// <returns><see cref="TellResult.ToldBefore"/> where there was nothing to write, or another wrote it. Done in either case.</returns>
    public async ValueTask<TellResult> TakeAsync(MailEvent wish, MessageActivity? activity, CancellationToken cancellation)
    {
        var follows = Suppression.From(wish);
        if (await IsDoneAsync(wish, follows, activity, cancellation))
        {
            return TellResult.ToldBefore;
        }

        // The event first: whoever reads it suppresses too, so a crash between the two loses nothing. Within an hour it is told
        // only once, and may have been taken back since.
        var result = await store.TellAsync(new Telling(wish.Message, [wish], [], activity?.IsOver() ?? true), cancellation);
        if (follows is not null && result is TellResult.Told or TellResult.ToldBefore)
        {
            await suppressions.AddAsync(wish.Account, [follows], cancellation);
        }

        return result;
    }

    private async ValueTask<bool> IsDoneAsync(MailEvent wish, Suppression? follows, MessageActivity? activity, CancellationToken cancellation)
    {
        var isTold = activity?.Has(wish) == true;
        if (follows is null)
        {
            return isTold;
        }

        // Mail programs send the same wish twice, and one event is enough for all mails of a stream. Complaints are counted mail by mail.
        var held = await suppressions.FindBothAsync(wish.Account, EnvelopeAddress.Parse(follows.Address), follows.Stream, cancellation);
        return held.Any(each =>
            (isTold && !follows.Outweighs(each)) || (each.Reason == follows.Reason && wish.Type == MailEventType.Unsubscribed));
    }
}
