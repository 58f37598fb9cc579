using Relay.Mail;
using Relay.Mail.Webhooks;

namespace Relay.Intake.Http.Webhooks;

internal sealed record WebhookRequest
{
    /// <summary>Posted to.</summary>
    public string? Url { get; init; }

    /// <summary>The kinds of events it is told of, such as <c>delivered</c>; all without it.</summary>
    public IReadOnlyList<string>? Events { get; init; }
}

/// <summary>Either a message, or a time.</summary>
internal sealed record ReplayRequest
{
    /// <summary>Send again what happened to this message, by its id.</summary>
    public string? Message { get; init; }

    /// <summary>Send again what happened to messages that were accepted from then on: ISO 8601, UTC where it names no offset.</summary>
    public string? Since { get; init; }

    /// <summary>And until then; now without it.</summary>
    public string? Until { get; init; }
}

/// <param name="Events">Left out: all.</param>
internal sealed record WebhookView(string Id, string Url, IReadOnlyList<string>? Events, DateTimeOffset CreatedAt)
{
    /// <summary>What posts are signed with (Standard Webhooks), this once.</summary>
    public string? Secret { get; init; }

    /// <summary>Until when posts are signed with the secret before, too.</summary>
    public DateTimeOffset? FormerSecretUntil { get; init; }

    /// <summary>Left out in lists.</summary>
    public StandingView? Standing { get; init; }

    public static WebhookView Of(EventWebhook webhook, DateTimeOffset now) =>
        new(webhook.Id, webhook.Url.AbsoluteUri, webhook.Events.Count == 0 ? null : [.. webhook.Events.Select(Word.Of)], webhook.CreatedAt)
        {
            FormerSecretUntil = webhook.FormerUntil > now ? webhook.FormerUntil : null,
        };
}

/// <param name="State"><c>idle</c> before the first post, then <c>working</c> or <c>failing</c>.</param>
/// <param name="Waiting">Messages with events that were not taken yet.</param>
/// <param name="Taken">Events.</param>
/// <param name="GivenUp">Events that were offered for three days and not taken.</param>
/// <param name="Dropped">Messages whose events gave way, since too many waited or too much had happened since.</param>
internal sealed record StandingView(string State, long Waiting, DateTimeOffset? Oldest, long Taken, long GivenUp, long Dropped)
{
    public DateTimeOffset? LastTaken { get; init; }
    public DateTimeOffset? LastFailed { get; init; }
    public string? LastError { get; init; }
    public DateTimeOffset? FailingSince { get; init; }

    public static StandingView Of(WebhookStanding standing)
    {
        var isFailing = standing.LastFailed is { } failed && !(standing.LastTaken > failed);
        return new StandingView(
            isFailing ? "failing" : standing.LastTaken is null ? "idle" : "working", standing.Waiting, standing.Oldest, standing.Taken, standing.GivenUp, standing.Dropped)
        {
            LastTaken = standing.LastTaken,
            LastFailed = standing.LastFailed,
            LastError = standing.LastError,
            FailingSince = isFailing ? standing.FailingSince ?? standing.LastFailed : null,
        };
    }
}

/// <param name="Id">The <c>webhook-id</c> with which it comes.</param>
internal sealed record TestView(string Id);

/// <param name="Messages">Whose events are sent again.</param>
/// <param name="Next">Give it as <c>since</c> to go on; null when these were all.</param>
internal sealed record ReplayView(int Messages, DateTimeOffset? Next);
