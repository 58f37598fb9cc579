using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Relay.Delivery.Sending;
using Relay.Mail.Queue;
using Relay.Mail.Webhooks;

namespace Relay.Delivery.Hooks;

/// <summary>
/// Posts events to the webhooks of accounts: those of one message one after the other, those of many at the same time. What is
/// not taken is put off by the schedule that mail has, and with it what happened to the same message later. No mail waits for
/// any of it, and no webhook for another.
/// </summary>
internal sealed class EventPosts(
    EventSender sender,
    Endpoints endpoints,
    RetrySchedule schedule,
    IOptions<DeliveryOptions> options,
    DeliveryMetrics metrics,
    TimeProvider time,
    ILogger<EventPosts> logger,
    IWebhookLanes? lanes = null) : BackgroundService
{
    // Of one lane. They are settled together, so as many may be posted again after a kill.
    private const int MessagesAtOnce = 64;

    // What is due by the clock, and not because something came.
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);

    private readonly LaneSeats _seats = new();

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
            endpoints.ForgetWhatIsOver();
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
            var endpoint = endpoints.Of(lane.Webhook);
            using var seat = await _seats.TakeAsync(endpoint, cancellation);
            notBefore = await PostAsync(lane, endpoint, from, cancellation);
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

    /// <returns>Until when the lane is left alone; null when it is not.</returns>
    private async Task<DateTimeOffset?> PostAsync(WebhookLane lane, Endpoint endpoint, IWebhookLanes from, CancellationToken cancellation)
    {
        var turns = await ReadAsync(lane, endpoint, from, cancellation);
        var ends = await Task.WhenAll(turns.Select(turn => PostAsync(lane, turn, endpoint, from, cancellation)));

        // A stop leaves nothing of what was heard unwritten.
        await from.SettleAsync(lane, ends, CancellationToken.None);
        Tell(lane.Webhook, ends);
        return endpoint.RestsUntil ?? (turns.Count > 0 && ends.All(end => end.IsNothing) ? time.GetUtcNow() + Look : null);
    }

    // Of a program that fails first what it was offered for long enough, and then as much as it is tried with.
    private async ValueTask<IReadOnlyList<WebhookTurn>> ReadAsync(WebhookLane lane, Endpoint endpoint, IWebhookLanes from, CancellationToken cancellation)
    {
        var isFailing = endpoint.IsFailing;
        if (isFailing
            && await from.ReadAsync(lane, MessagesAtOnce, LaneSeats.OctetsOfLane, time.GetUtcNow() - options.Value.Retry.EventExpiry, cancellation) is { Count: > 0 } stale)
        {
            return stale;
        }

        return endpoint.RestsUntil is null ? await from.ReadAsync(lane, isFailing ? 1 : MessagesAtOnce, LaneSeats.OctetsOfLane, null, cancellation) : [];
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
            else if (await sender.PostAsync(lane, turn, each, endpoint, from, cancellation) is not { } answer)
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
}
