using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
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
    IContentStore contents,
    CheckedHttp http,
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

    // Long enough for a program that stores what it gets; one that works first should answer before.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    // While one does not answer, the mail of others is not kept waiting behind its.
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(30);

    // As with a remote that asks for more (BlockedDomains): it may be long up again.
    private static readonly TimeSpan LongestRest = TimeSpan.FromHours(1);

    // Beyond so many, those that have ended are forgotten: routes are removed without a word to us.
    private const int MostResting = 1_000;

    private readonly PostPlaces _places = new(AtOnce);

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

                var (outcome, contact) = await PostAsync(message, cancellation);
                attempt.EndRest(outcome, contact);
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

    private async ValueTask<(Outcome, Contact)> PostAsync(Message message, CancellationToken cancellation)
    {
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
        using var request = new HttpRequestMessage(HttpMethod.Post, place) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        Sign(request, message.Id, body, seal.Open(route.Secret, route.SecretPlace));

        using var patience = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, patience.Token);
        try
        {
            // What it says beside its status is nobody's business.
            using var response = await http.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token);
            var words = $"HTTP {(int)response.StatusCode}";
            if (response.IsSuccessStatusCode)
            {
                _resting.TryRemove(route.Id, out _);
                return (new Outcome.Delivered(words), contact);
            }

            return (PutOff(route, words, response.StatusCode == HttpStatusCode.TooManyRequests ? response.Headers.RetryAfter?.Delta : null), contact);
        }
        catch (HttpRequestException e)
        {
            return (PutOff(route, $"the webhook could not be reached: {e.Message}", null), contact);
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            return (PutOff(route, $"the webhook did not answer within {Patience.TotalSeconds:0} seconds", null), contact);
        }
    }

    private Outcome.Deferred PutOff(InboundRoute route, string words, TimeSpan? asked)
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

        var wait = asked > LongestRest ? LongestRest : asked;
        _resting[route.Id] = (now + (wait > Rest ? wait.Value : Rest), words);
        return new Outcome.Deferred(words, DeliveryRules.WebhookRefused) { Wait = wait };
    }

    private void Sign(HttpRequestMessage request, MessageId id, byte[] body, byte[] secret)
    {
        var seconds = time.GetUtcNow().ToUnixTimeSeconds();
        using var hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, secret);
        hash.AppendData(Encoding.ASCII.GetBytes($"{id}.{seconds}."));
        hash.AppendData(body);
        request.Headers.Add("webhook-id", id.ToString());
        request.Headers.Add("webhook-timestamp", seconds.ToString(System.Globalization.CultureInfo.InvariantCulture));
        request.Headers.Add("webhook-signature", $"v1,{Convert.ToBase64String(hash.GetHashAndReset())}");
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
