using Microsoft.Extensions.Logging;
using Relay.Mail.Events;
using Relay.Mail.Queue;

namespace Relay.Delivery.Scheduling;

/// <summary>
/// Gives leases back, settled or untried, and their share of the window with them. Nobody waits for a settlement: the next
/// message goes out meanwhile, and the window bounds how many are on their way to the store.
/// </summary>
internal sealed class Settler(IMailQueue queue, DeliveryWindow window, DeliveryMetrics metrics, ILogger<Settler> logger)
{
    private readonly CancellationTokenSource _giveUp = new();

    public void Settle(HeldLease held, Settlement settlement)
    {
        Tell(settlement);
        _ = SettleAsync(held, settlement);
    }

    public void Release(HeldLease held)
    {
        queue.Release(held.Lease);
        window.Return(held);
    }

    /// <summary>Waits no longer for the store: what is not settled now will be tried again.</summary>
    public void GiveUp() => _giveUp.Cancel();

    private async Task SettleAsync(HeldLease held, Settlement settlement)
    {
        try
        {
            await queue.SettleAsync(settlement, _giveUp.Token);
        }
        catch (OperationCanceledException)
        {
            logger.SettlementGivenUp(held.Lease.Id);
        }
        catch (Exception e)
        {
            // Not released: a second attempt of what may have been delivered is the queue's to decide.
            logger.SettlementFailed(held.Lease.Id, e);
        }
        finally
        {
            window.Return(held);
        }
    }

    private void Tell(Settlement settlement)
    {
        var message = settlement.Lease.Message;
        foreach (var happened in settlement.Events)
        {
            switch (happened.Type)
            {
                case MailEventType.Delivered:
                    metrics.Delivered(message, happened.Time);
                    break;
                case MailEventType.Deferred or MailEventType.Uncertain:
                    metrics.Deferred(happened.Rule);
                    break;
                case MailEventType.Suppressed:
                    metrics.Suppressed();
                    break;
                case MailEventType.Complained:
                    metrics.Complained();
                    break;
                default:
                    metrics.Bounced(message, happened.Time, happened.Rule);
                    break;
            }

            logger.Happened(happened);
        }
    }
}
