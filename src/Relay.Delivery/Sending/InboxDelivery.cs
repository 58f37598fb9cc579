using Microsoft.Extensions.Logging;
using Relay.Delivery.Scheduling;
using Relay.Mail.Inbox;
using Relay.Mail.Messages;
using Relay.Mail.Queue;

namespace Relay.Delivery.Sending;

/// <summary>The last hop of messages sent with a test key: kept to be looked at, in place of a connection to the world.</summary>
internal sealed class InboxDelivery(IInbox inbox, PersonalCopies copies, Settlements settlements, Settler settler, ILogger<InboxDelivery> logger)
{
    private static readonly Contact Inbox = new("inbox", null, null);

    public static bool IsFor(Message message) => message.Mode == MessageMode.Test;

    public async Task DeliverAsync(HeldLease held, CancellationToken cancellation)
    {
        var attempt = new Attempt(held);
        try
        {
            await inbox.CaptureAsync((await copies.MakeAsync(held.Lease, cancellation)).Message, cancellation);
            attempt.EndRest(new Outcome.Delivered("captured: sent with a test key"), Inbox);
        }
        catch (StoreUnavailableException e)
        {
            attempt.EndRest(new Outcome.Deferred(e.Message, DeliveryRules.InboxAway), Inbox);
        }
        catch (OperationCanceledException)
        {
            settler.Release(held);
            return;
        }
        catch (Exception e)
        {
            logger.AttemptFailed(held.Lease.Id, e);
            attempt.EndRest(new Outcome.Deferred("an error of ours stopped the attempt", DeliveryRules.Internal), Inbox);
        }

        settler.Settle(held, attempt.ToSettlement(settlements));
    }
}
