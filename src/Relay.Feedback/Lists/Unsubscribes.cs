using Relay.Mail.Events;
using Relay.Mail.Incoming;
using Relay.Mail.Lists;
using Relay.Mail.Queue;
using Relay.Mail.Suppressions;
using Relay.Mail.Tokens;
using Relay.Smtp.Addresses;

namespace Relay.Feedback.Lists;

/// <summary>An unsubscription becomes an event of its mail and, at once, a suppression of the stream.</summary>
internal sealed class Unsubscribes(ISuppressionStore suppressions, IIncomingStore store, TimeProvider time) : IUnsubscribes
{
    public async ValueTask TakeAsync(Unsubscription wish, string how, CancellationToken cancellation)
    {
        if (!EnvelopeAddress.TryParse(wish.Address, out var address, out _) || await IsDoneAsync(wish, address, cancellation))
        {
            return;
        }

        var happened = new MailEvent
        {
            Time = time.GetUtcNow(),
            Type = MailEventType.Unsubscribed,
            Message = wish.Message,
            Account = wish.Account,
            Recipient = wish.Address,
            Stream = wish.Stream,
            Reply = how,
            Rule = "unsubscribe.link",
        };

        // The event first: whoever reads it suppresses too, so a crash between the two loses nothing.
        var activity = await store.FindAsync(wish.Message, cancellation);
        var isOver = activity?.Recipients().All(recipient => recipient.State is not (RecipientState.Queued or RecipientState.Deferred)) ?? true;
        if (await store.TellAsync(new Telling(wish.Message, [happened], [], isOver), cancellation) is not (TellResult.Told or TellResult.ToldBefore) and var result)
        {
            throw new StoreUnavailableException("the unsubscription could not be kept", full: result == TellResult.StoreFull);
        }

        await suppressions.AddAsync(wish.Account, [Suppression.From(happened)!], cancellation);
    }

    // Mail programs send the same wish twice, and one event is enough.
    private async ValueTask<bool> IsDoneAsync(Unsubscription wish, EnvelopeAddress address, CancellationToken cancellation) =>
        (await suppressions.FindAllAsync(wish.Account, address, cancellation)).Any(held => held.Stream == wish.Stream && held.Reason == SuppressionReason.Unsubscribe);
}
