using Relay.Mail.Incoming;
using Relay.Mail.Lists;
using Relay.Mail.Queue;
using Relay.Mail.Tokens;
using Relay.Smtp.Addresses;

namespace Relay.Feedback.Lists;

/// <summary>What somebody asks for behind a link to unsubscribe.</summary>
internal sealed class Unsubscribes(OptOuts optOuts, IIncomingStore store, TimeProvider time) : IUnsubscribes
{
    public async ValueTask TakeAsync(Unsubscription wish, string how, CancellationToken cancellation)
    {
        if (!EnvelopeAddress.TryParse(wish.Address, out _))
        {
            return;
        }

        var happened = OptOuts.EventOf(wish, time.GetUtcNow()) with { Reply = how, Rule = "unsubscribe.link" };
        if (await optOuts.TakeAsync(happened, await store.FindAsync(wish.Message, cancellation), cancellation) is not (TellResult.Told or TellResult.ToldBefore) and var result)
        {
            throw new StoreUnavailableException("the unsubscription could not be kept", full: result == TellResult.StoreFull);
        }
    }
}
