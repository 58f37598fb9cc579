using System.Collections.Concurrent;
using System.Security.Cryptography;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Relay.Delivery.Routing;
using Relay.Delivery.Sending;
using Relay.Mail.Queue;
using Relay.Mail.Signing;
using Relay.Mail.Webhooks;

namespace Relay.Delivery.Hooks;

/// <summary>
/// Posts events to the webhooks of accounts: those of one message one after the other, those of many at the same time. What is
/// not taken is put off by the schedule that mail has, and with it what happened to the same message later. No mail waits for
/// any of it, and no webhook for another.
/// </summary>
internal sealed class EventPosts(
    CheckedHttp http,
    HookPost post,
    RetrySchedule schedule,
    IOptions<DeliveryOptions> options,
    DeliveryMetrics metrics,
    TimeProvider time,
    ILogger<EventPosts> logger,
    IWebhookLanes? lanes = null,
    KeySeal? seal = null) : BackgroundService
{
    // Of one lane. They are settled together, so as many may be posted again after a kill.
    private const int MessagesAtOnce = 64;

    // Sockets, in the end: bodies are small. As many webhooks as hang before anybody notices fill these, and those that are
    // known to fail are tried apart from them.
    private const int PostsAtOnce = 512;
    private const int TriesAtOnce = 64;

    // Beyond so many, those with nothing to remember are forgotten: webhooks are removed without a word to us.
    private const int MostEndpoints = 4_096;

    // What is due by the clock, and not because something came.
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);

    private readonly SemaphoreSlim _posts = new(PostsAtOnce);
    private readonly SemaphoreSlim _tries = new(TriesAtOnce);
    private readonly ConcurrentDictionary<string, Endpoint> _endpoints = new(StringComparer.Ordinal);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var working = new List<Task>();
        while (lanes is not null && !stoppingToken.IsCancellationRequested)
        {
            var changed = lanes.Changed;
            try
            {
                working.AddRange((await lanes.TakeDueAsync(stoppingToken)).Select(lane => WorkAsync(lane, lanes, stoppingToken)));
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                break;
            }
            catch (StoreUnavailableException e)
            {
                logger.EventsNotRead(e.Message);
                changed = Task.Delay(Timeout.InfiniteTimeSpan, stoppingToken);
            }

            working.RemoveAll(task => task.IsCompleted);
            ForgetWhatIsOver();
            await changed.WaitAsync(Look, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        // A post that is out is waited for: only its answer says whether it was taken.
        await Task.WhenAll(working);
    }

    private async Task WorkAsync(WebhookLane lane, IWebhookLanes from, CancellationToken cancellation)
    {
        // Whoever asked for it goes on with the others.
        await Task.Yield();
        DateTimeOffset? notBefore = null;
        try
        {
            var endpoint = EndpointOf(lane.Webhook);
            var resting = endpoint.RestsUntil;
            var stale = resting is null ? default(DateTimeOffset?) : time.GetUtcNow() - options.Value.Retry.EventExpiry;
            var turns = await from.ReadAsync(lane, MessagesAtOnce, stale, cancellation);
            var ends = await Task.WhenAll(turns.Select(turn => PostAsync(lane, turn, endpoint, from, cancellation)));

            // A stop leaves nothing of what was heard unwritten.
            await from.SettleAsync(lane, ends, CancellationToken.None);
            Tell(lane.Webhook, ends);
            notBefore = endpoint.RestsUntil ?? (turns.Count > 0 && ends.All(end => end.IsNothing) ? time.GetUtcNow() + Look : null);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // Stopping is not an error.
        }
        catch (Exception e)
        {
            notBefore = time.GetUtcNow() + Look;
            logger.EventsNotPosted(lane.Webhook.Id, lane.Webhook.Account, e);
        }

        await GiveBackAsync(lane, from, notBefore);
    }

    private async Task GiveBackAsync(WebhookLane lane, IWebhookLanes to, DateTimeOffset? notBefore)
    {
        try
        {
            await to.GiveBackAsync(lane, notBefore, CancellationToken.None);
        }
        catch (StoreUnavailableException e)
        {
            logger.EventsNotRead(e.Message);
        }
    }

    private async Task<WebhookTurnEnd> PostAsync(WebhookLane lane, WebhookTurn turn, Endpoint endpoint, IWebhookLanes from, CancellationToken cancellation)
    {
        var end = new WebhookTurnEnd(turn) { Next = turn.From, Failures = turn.Failures };
        foreach (var each in turn.Events)
        {
            if (!turn.IsTest && (each.Happened is not { } happened || !lane.Webhook.Wants(happened.Type)))
            {
                end = end with { Next = each.Next };
            }
            else if (IsTooOld(turn, each) && (end.Failures > 0 || endpoint.IsFailing))
            {
                end = end with { Next = each.Next, Failures = 0, GivenUp = end.GivenUp + 1 };
            }
            else if (await PostOneAsync(lane, turn, each, endpoint, from, cancellation) is not { } answer)
            {
                break;
            }
            else if (answer.IsTaken)
            {
                end = end with { Next = each.Next, Failures = 0, Taken = end.Taken + 1 };
            }
            else
            {
                return Fail(end, each, answer);
            }
        }

        return end;
    }

    private WebhookTurnEnd Fail(WebhookTurnEnd end, WebhookEvent failed, HookAnswer answer)
    {
        var delay = schedule.DelayAfter(end.Failures + 1, Random.Shared.NextDouble());
        var due = time.GetUtcNow() + (answer.Wait > delay ? answer.Wait.Value : delay);
        return due - QueuedOf(end.Turn, failed) < options.Value.Retry.EventExpiry
            ? end with { Due = due, Failures = end.Failures + 1, Error = answer.Words }
            : end with { Next = failed.Next, Due = due, Failures = 0, GivenUp = end.GivenUp + 1, Error = answer.Words };
    }

    // Null when it was not posted. What goes wrong with one for a reason of ours puts off that one: others were posted, and that
    // is to be written.
    private async Task<HookAnswer?> PostOneAsync(
        WebhookLane lane, WebhookTurn turn, WebhookEvent each, Endpoint endpoint, IWebhookLanes from, CancellationToken cancellation)
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

    // Null when it was not posted: the program rests, or the lane is another node's.
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
            ? (WebhookEvent.IdOf(turn.Message, each.Offset, webhook), EventBody.Write(happened, happened.Summary ?? turn.Summary))
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
                    // Then each comes when it is due.
                    logger.EventsNotRead(e.Message);
                }

                break;
        }
    }

    private void Tell(EventWebhook webhook, WebhookTurnEnd[] ends)
    {
        if (ends.Sum(end => end.GivenUp) is > 0 and var count)
        {
            metrics.EventsGivenUp(count);
            logger.EventsGivenUp(webhook.Id, webhook.Account, count);
        }
    }

    private bool IsTooOld(WebhookTurn turn, WebhookEvent each) => time.GetUtcNow() - QueuedOf(turn, each) > options.Value.Retry.EventExpiry;

    // What happened behind an event that waits has waited since it happened; what is sent again, since that was asked for.
    private static DateTimeOffset QueuedOf(WebhookTurn turn, WebhookEvent each) => each.Happened?.Time > turn.Queued ? each.Happened.Time : turn.Queued;

    // One that leads elsewhere begins anew.
    private Endpoint EndpointOf(EventWebhook webhook) => _endpoints.AddOrUpdate(
        webhook.Id,
        (_, url) => new Endpoint(url, options.Value.Timeouts.Webhook, schedule.DelayAfter, time),
        (_, known, url) => known.Url == url ? known : new Endpoint(url, options.Value.Timeouts.Webhook, schedule.DelayAfter, time),
        webhook.Url);

    private void ForgetWhatIsOver()
    {
        if (_endpoints.Count > MostEndpoints)
        {
            foreach (var idle in _endpoints.Where(each => each.Value.IsIdle))
            {
                _endpoints.TryRemove(idle);
            }
        }
    }
}
