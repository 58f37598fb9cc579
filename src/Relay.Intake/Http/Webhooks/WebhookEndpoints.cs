using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;
using Relay.Intake.Http.Access;
using Relay.Intake.Http.Json;
using Relay.Intake.Http.Keys;
using Relay.Mail;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Signing;
using Relay.Mail.Webhooks;

namespace Relay.Intake.Http.Webhooks;

/// <summary><c>/webhooks</c>: where the account is told what happens to its mail, as it happens.</summary>
internal sealed class WebhookEndpoints(IWebhookStore webhooks, IWebhookTraffic traffic, KeySeal seal, TimeProvider time)
{
    private const int SecretBytes = 32;

    // Each is posted to by itself; one for every system that an account has, with room for trials.
    private const int Most = 20;

    // Of one request. It is answered when they wait, and whoever wants more goes on.
    private const int MostReplayed = 10_000;

    // A program that has both takes any post; a day is enough to bring the new one to all of its places.
    private static readonly TimeSpan FormerStays = TimeSpan.FromDays(1);

    public async Task<IResult> CreateAsync(HttpContext context)
    {
        Reach.RequireWhole(context);
        var caller = Caller.Of(context);
        var (url, events) = await ReadAsync(context);
        if ((await webhooks.ListAsync(caller.Account, context.RequestAborted)).Count >= Most)
        {
            return new ProblemAnswer(Problem.Conflict($"the account has {Most} webhooks, which is all it may"));
        }

        var webhook = new EventWebhook
        {
            Id = ShortId.Create("hook"),
            Account = caller.Account,
            Url = url,
            Events = events,
            Secret = [],
            CreatedAt = time.GetUtcNow(),
            By = caller.Id,
        };
        var secret = RandomNumberGenerator.GetBytes(SecretBytes);
        webhook = webhook with { Secret = seal.Seal(secret, webhook.SecretPlace) };
        await webhooks.AddAsync(webhook, context.RequestAborted);
        return Answer(ViewOf(webhook) with { Secret = TextOf(secret) }, StatusCodes.Status201Created);
    }

    public async Task<IResult> ListAsync(HttpContext context) => TypedResults.Json(
        new Page<WebhookView>([.. (await webhooks.ListAsync(Caller.Of(context).Account, context.RequestAborted)).Select(ViewOf)]), AnswerJson.Default.PageWebhookView);

    public async Task<IResult> FindAsync(HttpContext context, string id)
    {
        if (await FindWebhookAsync(context, id) is not { } webhook)
        {
            return NotFound();
        }

        return Answer(ViewOf(webhook) with { Standing = StandingView.Of(await traffic.StandingAsync(webhook, context.RequestAborted)) });
    }

    public async Task<IResult> ChangeAsync(HttpContext context, string id)
    {
        Reach.RequireWhole(context);
        if (await FindWebhookAsync(context, id) is null)
        {
            return NotFound();
        }

        var (url, events) = await ReadAsync(context);
        var changed = await webhooks.ChangeAsync(Caller.Of(context).Account, id, known => known with { Url = url, Events = events }, context.RequestAborted);
        return changed is null ? NotFound() : Answer(ViewOf(changed));
    }

    public async Task<IResult> RotateAsync(HttpContext context, string id)
    {
        Reach.RequireWhole(context);
        var secret = RandomNumberGenerator.GetBytes(SecretBytes);
        var until = time.GetUtcNow() + FormerStays;
        var changed = await webhooks.ChangeAsync(
            Caller.Of(context).Account,
            id,
            known => known with { Secret = seal.Seal(secret, known.SecretPlace), FormerSecret = known.Secret, FormerUntil = until },
            context.RequestAborted);
        return changed is null ? NotFound() : Answer(ViewOf(changed) with { Secret = TextOf(secret) });
    }

    public async Task<IResult> RemoveAsync(HttpContext context, string id)
    {
        Reach.RequireWhole(context);
        return await webhooks.RemoveAsync(Caller.Of(context).Account, id, context.RequestAborted) ? TypedResults.NoContent() : NotFound();
    }

    public async Task<IResult> TestAsync(HttpContext context, string id)
    {
        Reach.RequireWhole(context);
        return await FindWebhookAsync(context, id) is { } webhook
            ? TypedResults.Json(new TestView(await traffic.TestAsync(webhook, context.RequestAborted)), AnswerJson.Default.TestView, statusCode: StatusCodes.Status202Accepted)
            : NotFound();
    }

    public async Task<IResult> ReplayAsync(HttpContext context, string id)
    {
        Reach.RequireWhole(context);
        if (await FindWebhookAsync(context, id) is not { } webhook)
        {
            return NotFound();
        }

        var request = await RequestBody.ReadAsync(context, ApiJson.Default.ReplayRequest);
        var replay = request.Message is not null ? await ReplayMessageAsync(context, webhook, request) : await ReplayTimeAsync(context, webhook, request);
        if (replay.Crowd is { } crowd)
        {
            throw new ProblemException(Problem.Conflict(
                $"{crowd.Waiting} messages wait for this webhook, of {crowd.Most} that may (Relay:Queue:WebhookMessages): a replay leaves half of that to what happens meanwhile, and there is no room for it"));
        }

        return TypedResults.Json(new ReplayView(replay.Messages, replay.Next), AnswerJson.Default.ReplayView, statusCode: StatusCodes.Status202Accepted);
    }

    private async ValueTask<WebhookReplay> ReplayMessageAsync(HttpContext context, EventWebhook webhook, ReplayRequest request)
    {
        if (request.Since is not null || request.Until is not null)
        {
            throw new ProblemException(Problem.Unprocessable("message", "cannot stand beside since and until"));
        }

        return MessageId.TryParse(request.Message, out var message) && await traffic.ReplayAsync(webhook, message, context.RequestAborted) is { } replay
            ? replay
            : throw new ProblemException(Problem.Unprocessable("message", "is not the id of a message of which anything is kept"));
    }

    private async ValueTask<WebhookReplay> ReplayTimeAsync(HttpContext context, EventWebhook webhook, ReplayRequest request)
    {
        var now = time.GetUtcNow();
        var since = TimeIn(request.Since, "since");
        if (since is null || since > now)
        {
            throw new ProblemException(Problem.Unprocessable("since", "must be a time that is over, unless a message is named"));
        }

        // Nothing was accepted later than now.
        var until = TimeIn(request.Until, "until") is { } named && named < now ? named : now;
        return until < since
            ? throw new ProblemException(Problem.Unprocessable("until", "must not be before since"))
            : await traffic.ReplayAsync(webhook, since.Value, until, MostReplayed, context.RequestAborted);
    }

    private static DateTimeOffset? TimeIn(string? text, string field) =>
        text is null ? null : TimeInput.TryRead(text, out var time) ? time : throw new ProblemException(Problem.Unprocessable(field, TimeInput.Wanted));

    private static async ValueTask<(Uri Url, IReadOnlyList<MailEventType> Events)> ReadAsync(HttpContext context)
    {
        var request = await RequestBody.ReadAsync(context, ApiJson.Default.WebhookRequest);
        var errors = new FieldErrors();
        var url = WebhookUrl.Read(request.Url ?? "", Caller.Of(context).IsAdmin, "url", errors);
        var events = new List<MailEventType>();
        for (var i = 0; i < request.Events?.Count; i++)
        {
            if (Word.TryParse(request.Events[i] ?? "", out MailEventType type))
            {
                events.Add(type);
            }
            else
            {
                errors.Add($"events[{i}]", $"must be one of {string.Join(", ", Enum.GetValues<MailEventType>().Select(Word.Of))}");
            }
        }

        if (request.Events is { Count: 0 })
        {
            errors.Add("events", "must name a kind of event; leave it out for all");
        }

        errors.ThrowIfAny();
        return (url!, [.. events.Distinct()]);
    }

    private ValueTask<EventWebhook?> FindWebhookAsync(HttpContext context, string id) => webhooks.FindAsync(Caller.Of(context).Account, id, context.RequestAborted);

    private WebhookView ViewOf(EventWebhook webhook) => WebhookView.Of(webhook, time.GetUtcNow());

    private static string TextOf(byte[] secret) => $"whsec_{Convert.ToBase64String(secret)}";

    private static IResult Answer(WebhookView view, int status = StatusCodes.Status200OK) => TypedResults.Json(view, AnswerJson.Default.WebhookView, statusCode: status);

    private static ProblemAnswer NotFound() => new(Problem.NotFound("the account has no webhook with this id"));
}
