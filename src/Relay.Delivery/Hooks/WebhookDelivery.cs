using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Relay.Delivery.Routing;
using Relay.Delivery.Scheduling;
using Relay.Delivery.Sending;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Mail.Routes;
using Relay.Mail.Signing;

namespace Relay.Delivery.Hooks;

/// <summary>
/// The last hop of mail that an account has routed to a webhook: one POST, signed as Standard Webhooks has it, in place of a
/// connection to a mail exchanger. What is not taken waits in the queue like any mail that was put off. The same mail comes
/// with the same id each time, so that a program which took it and whose answer was lost can tell.
/// </summary>
internal sealed class WebhookDelivery(
    IMailQueue queue,
    IOptions<DeliveryOptions> options,
    IContentStore contents,
    CheckedHttp http,
    HookPost post,
    Settlements settlements,
    Settler settler,
    TimeProvider time,
    ILogger<WebhookDelivery> logger,
    IInboundRouteStore? routes = null,
    KeySeal? seal = null)
{
    // A mail may stand in memory three times while it is posted: half a gigabyte where all are as large as they may be. One for
    // each account, so that many programs have to hang before others wait.
    private const int AtOnce = 16;

    // Beyond so many, those that have ended are forgotten: routes are removed without a word to us.
    private const int MostResting = 1_000;

    private readonly PostPlaces _places = new(AtOnce);

    // While one does not answer, the mail of others is not kept waiting behind its.
    private readonly TimeSpan _rest = options.Value.Timeouts.Webhook;

    // By the route's id: one that is made anew leads elsewhere and begins anew.
    private readonly ConcurrentDictionary<string, (DateTimeOffset Until, string Words)> _resting = new(StringComparer.Ordinal);

    public static bool IsFor(Message message) => message.Webhook is not null;

    public async Task DeliverAsync(HeldLease held, CancellationToken cancellation)
    {
        var message = held.Lease.Message;
        if (RetrySchedule.IsTooLate(message, time.GetUtcNow()))
        {
            settler.Settle(held, settlements.Expired(held.Lease));
            return;
        }

        var attempt = new Attempt(held);
        try
        {
            await _places.TakeAsync(message.Account, cancellation);
            try
            {
                if (!queue.TryBegin(held.Lease))
                {
                    settler.Release(held);
                    return;
                }

                if (await PostAsync(held.Lease, cancellation) is not var (outcome, contact))
                {
                    settler.Release(held);
                    return;
                }

                // Known before the next one leaves: of an account's posts a kill leaves one open.
                attempt.EndRest(outcome, contact);
                settler.Settle(held, attempt.ToSettlement(settlements));
                return;
            }
            finally
            {
                _places.GiveBack(message.Account);
            }
        }
        catch (StoreUnavailableException e)
        {
            attempt.EndRest(new Outcome.Deferred(e.Message, DeliveryRules.ContentAway), default);
        }
        catch (OperationCanceledException)
        {
            settler.Release(held);
            return;
        }
        catch (Exception e)
        {
            logger.AttemptFailed(held.Lease.Id, e);
            attempt.EndRest(new Outcome.Deferred("an error of ours stopped the attempt", DeliveryRules.Internal), default);
        }

        settler.Settle(held, attempt.ToSettlement(settlements));
    }

    // Null when our turn at the unit is over.
    private async ValueTask<(Outcome, Contact)?> PostAsync(Lease lease, CancellationToken cancellation)
    {
        var message = lease.Message;
        var match = message.Webhook!;
        if (routes is null || seal is null || await routes.FindAsync(match, cancellation) is not { Webhook: { } place } route || route.Account != message.Account)
        {
            return (new Outcome.Bounced($"the route of {match} to a webhook was removed", "5.1.6", DeliveryRules.NoWebhook), default);
        }

        var contact = new Contact(place.Host, null);
        if (_resting.TryGetValue(route.Id, out var rest) && rest.Until > time.GetUtcNow())
        {
            return (new Outcome.Deferred(rest.Words, DeliveryRules.WebhookRefused), contact);
        }

        var body = WebhookBody.Write(message, route, await ReadAsync(message, cancellation));
        var secret = seal.Open(route.Secret, route.SecretPlace);
        if (!await queue.TryBeginDotAsync(lease, place.Host, cancellation))
        {
            return null;
        }

        return (OutcomeOf(route, await post.SendAsync(http.Client, place, message.Id.ToString(), body, secret)), contact);
    }

    private Outcome OutcomeOf(InboundRoute route, HookAnswer answer)
    {
        if (answer.IsTaken)
        {
            _resting.TryRemove(route.Id, out _);
            return new Outcome.Delivered(answer.Words);
        }

        LeaveAlone(route, answer.Words, answer.Wait);
        return answer.IsUnheard
            ? new Outcome.Uncertain(answer.Words, DeliveryRules.WebhookUnanswered)
            : new Outcome.Deferred(answer.Words, DeliveryRules.WebhookRefused) { Wait = answer.Wait };
    }

    private void LeaveAlone(InboundRoute route, string words, TimeSpan? asked)
    {
        var now = time.GetUtcNow();
        if (_resting.Count >= MostResting)
        {
            foreach (var rest in _resting)
            {
                if (rest.Value.Until <= now)
                {
                    _resting.TryRemove(rest);
                }
            }
        }

        _resting[route.Id] = (now + (asked > _rest ? asked.Value : _rest), words);
    }

    private async ValueTask<byte[]> ReadAsync(Message message, CancellationToken cancellation)
    {
        var whole = new MemoryStream((int)message.Content.Length);
        whole.Write(message.Content.Prologue.Span);
        whole.Write(message.Content.Head.Span);
        if (message.Content.Chunks > 0)
        {
            await foreach (var chunk in contents.ReadChunksAsync(message, cancellation))
            {
                whole.Write(chunk.Span);
            }
        }

        return whole.ToArray();
    }
}
