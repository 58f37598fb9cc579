using Relay.Mail.Messages;

namespace Relay.Mail.Webhooks;

/// <summary>What is on its way to a webhook, as its account sees it and may add to it, from any node.</summary>
/// <exception cref="Queue.StoreUnavailableException">From every method: the store does not answer.</exception>
public interface IWebhookTraffic
{
    ValueTask<WebhookStanding> StandingAsync(EventWebhook webhook, CancellationToken cancellation);

    /// <summary>Puts an event of no message on the way.</summary>
    /// <returns>The id with which it is posted.</returns>
    ValueTask<string> TestAsync(EventWebhook webhook, CancellationToken cancellation);

    /// <summary>Sends again all that is kept of a message. Null when nothing is, or it is another account's.</summary>
    ValueTask<WebhookReplay?> ReplayAsync(EventWebhook webhook, MessageId message, CancellationToken cancellation);

    /// <summary>Sends again what is kept of the account's messages that were accepted in this time, both ends included; at most <paramref name="most"/> of them, the oldest first, and no more than find room beside what waits.</summary>
    ValueTask<WebhookReplay> ReplayAsync(EventWebhook webhook, DateTimeOffset since, DateTimeOffset until, int most, CancellationToken cancellation);
}

/// <param name="Messages">Whose events are sent again.</param>
/// <param name="Next">From when on there are more; null when these were all.</param>
public sealed record WebhookReplay(int Messages, DateTimeOffset? Next)
{
    /// <summary>Why nothing is sent again: what waits would give way to it. Null where something is, or nothing was found.</summary>
    public WebhookCrowd? Crowd { get; init; }
}

/// <param name="Waiting">Messages.</param>
/// <param name="Most">So many may wait, about the same part of them in each partition.</param>
public sealed record WebhookCrowd(long Waiting, long Most);

/// <summary>How a webhook stands, over all nodes.</summary>
public sealed record WebhookStanding
{
    /// <summary>Messages with events that were not taken yet.</summary>
    public long Waiting { get; init; }

    /// <summary>Since when the one that comes next has waited. One that was put off may have waited longer: that is not asked of each.</summary>
    public DateTimeOffset? Oldest { get; init; }

    /// <summary>Events that were taken.</summary>
    public long Taken { get; init; }

    /// <summary>Events that were never taken and are not tried any more.</summary>
    public long GivenUp { get; init; }

    /// <summary>Messages whose events gave way to newer ones, since more waited than are kept, or since what happened to them is forgotten.</summary>
    public long Dropped { get; init; }

    public DateTimeOffset? LastTaken { get; init; }
    public DateTimeOffset? LastFailed { get; init; }

    /// <summary>What was wrong then.</summary>
    public string? LastError { get; init; }

    /// <summary>Since when nothing was taken though it was tried; null while it works.</summary>
    public DateTimeOffset? FailingSince { get; init; }
}
