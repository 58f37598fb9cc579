using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Relay.Delivery.Routing;
using Relay.Mail.Queue;
using Relay.Mail.Signing;
using Relay.Mail.Webhooks;

namespace Relay.Delivery.Hooks;

/// <summary>Posts one event, when its program has a place for it and is not left alone.</summary>
internal sealed class EventSender(CheckedHttp http, HookPost post, DeliveryMetrics metrics, TimeProvider time, ILogger<EventSender> logger, KeySeal? seal = null)
{
    // Sockets, in the end: bodies are small. As many webhooks as hang before anybody notices fill these, and those that are
    // known to fail are tried apart from them.
    private const int PostsAtOnce = 512;
    private const int TriesAtOnce = 64;

    private readonly SemaphoreSlim _posts = new(PostsAtOnce);
    private readonly SemaphoreSlim _tries = new(TriesAtOnce);

    /// <summary>
    /// Null when it was not posted: the program rests, or the lane is another node's. What goes wrong with one for a reason of ours
    /// puts off that one: others were posted, and that is to be written.
    /// </summary>
    public async Task<HookAnswer?> PostAsync(WebhookLane lane, WebhookTurn turn, WebhookEvent each, Endpoint endpoint, IWebhookLanes from, CancellationToken cancellation)
    {
        try
        {
            return await TryPostAsync(lane, turn, each, endpoint, from, cancellation);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // A stop ends the wait for a place, and no post.
            return null;
        }
        catch (Exception e)
        {
            logger.EventsNotPosted(lane.Webhook.Id, lane.Webhook.Account, e);
            return new HookAnswer(false, "an error of ours stopped the post", null, IsUnheard: false);
        }
    }

    private async Task<HookAnswer?> TryPostAsync(
        WebhookLane lane, WebhookTurn turn, WebhookEvent each, Endpoint endpoint, IWebhookLanes from, CancellationToken cancellation)
    {
        if (!await endpoint.TryEnterAsync(cancellation))
        {
            return null;
        }

        var places = endpoint.IsFailing ? _tries : _posts;
        HookAnswer? answer = null;
        try
        {
            await places.WaitAsync(cancellation);
            try
            {
                answer = from.MayPost(lane) ? await SendAsync(lane.Webhook, turn, each) : null;
                return answer;
            }
            finally
            {
                places.Release();
            }
        }
        finally
        {
            await LeaveAsync(endpoint, lane.Webhook, answer, from);
        }
    }

    private Task<HookAnswer> SendAsync(EventWebhook webhook, WebhookTurn turn, WebhookEvent each)
    {
        var (id, body) = each.Happened is { } happened
            ? (each.IdOf(turn.Message, webhook), EventBody.Write(happened, happened.Summary ?? turn.Summary))
            : (WebhookEvent.TestIdOf(turn.Message, webhook), EventBody.WriteTest(webhook, turn.Queued));
        try
        {
            return post.SendAsync(http.LastingClient, webhook.Url, id, body, SecretsOf(webhook));
        }
        catch (CryptographicException e)
        {
            return Task.FromResult(new HookAnswer(false, $"its secret cannot be opened: {e.Message}", null, IsUnheard: false));
        }
    }

    private byte[][] SecretsOf(EventWebhook webhook)
    {
        var secret = seal!.Open(webhook.Secret, webhook.SecretPlace);
        return webhook.FormerSecret is { } former && webhook.FormerUntil > time.GetUtcNow() ? [secret, seal.Open(former, webhook.SecretPlace)] : [secret];
    }

    private async ValueTask LeaveAsync(Endpoint endpoint, EventWebhook webhook, HookAnswer? answer, IWebhookLanes from)
    {
        if (answer is null)
        {
            endpoint.Leave();
            return;
        }

        metrics.EventPosted(answer.IsTaken);
        switch (endpoint.Leave(answer))
        {
            case EndpointTurn.Failed:
                logger.WebhookFails(webhook.Id, webhook.Account, answer.Words);
                break;
            case EndpointTurn.Recovered:
                logger.WebhookRecovered(webhook.Id, webhook.Account);
                try
                {
                    await from.HurryAsync(webhook, CancellationToken.None);
                }
                catch (StoreUnavailableException e)
                {
                    // What waits is then not hurried, and is posted when it is due.
                    logger.EventsNotRead(e.Message);
                }

                break;
        }
    }
}
