using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using Relay.Intake.Http.Access;
using Relay.Intake.Http.Json;
using Relay.Intake.Http.Keys;
using Relay.Intake.Http.Webhooks;
using Relay.Intake.Smtp;
using Relay.Mail;
using Relay.Mail.Routes;
using Relay.Mail.Signing;
using Relay.Smtp.Addresses;

namespace Relay.Intake.Http.Routes;

/// <summary><c>/routes</c>: where mail of the world for a domain or an address of the account goes.</summary>
internal sealed class RouteEndpoints(
    IInboundRouteStore routes,
    RoutedMail routed,
    KeySeal seal,
    IOptions<RelayOptions> relay,
    TimeProvider time)
{
    private const int SecretBytes = 32;

    // They are for people; a script that adds without end is stopped before it costs anything.
    private const int Most = 200;

    public async Task<IResult> CreateAsync(HttpContext context)
    {
        Reach.RequireWhole(context);
        var caller = Caller.Of(context);
        var request = await RequestBody.ReadAsync(context, ApiJson.Default.RouteRequest);
        var errors = new FieldErrors();
        if (MatchOf(request.Match) is not { } match)
        {
            errors.Add("match", "must be a domain or an address");
        }
        else if (!await routed.MayHaveAsync(caller.Account, match, context.RequestAborted))
        {
            errors.Add("match", "must be of a domain that the account has verified");
        }

        var webhook = request.Webhook is null ? null : WebhookUrl.Read(request.Webhook, caller.IsAdmin, "webhook", errors);
        EnvelopeAddress? other = null;
        if (request.ForwardTo is not null && !EnvelopeAddress.TryParse(request.ForwardTo, out other, out var problem))
        {
            errors.Add("forwardTo", $"is not an address: {problem}");
        }

        if (webhook is not null && other is not null)
        {
            errors.Add("forwardTo", "cannot stand beside webhook: a route leads to one place");
        }

        errors.ThrowIfAny();
        if ((await routes.ListAsync(caller.Account, context.RequestAborted)).Count >= Most)
        {
            return new ProblemAnswer(Problem.Conflict($"the account has {Most} routes, which is all it may"));
        }

        var secret = webhook is null ? null : RandomNumberGenerator.GetBytes(SecretBytes);
        var route = new InboundRoute
        {
            Id = ShortId.Create("route"),
            Account = caller.Account,
            Match = MatchOf(request.Match)!,
            Webhook = webhook,
            ForwardTo = other?.Text,
            CreatedAt = time.GetUtcNow(),
            By = caller.Id,
        };
        route = secret is null ? route : route with { Secret = seal.Seal(secret, route.SecretPlace) };
        if (!await TryAddAsync(route, context.RequestAborted))
        {
            return new ProblemAnswer(Problem.Conflict($"there is a route for {route.Match} already"));
        }

        routed.Forget();
        var view = ViewOf(route) with { Secret = secret is null ? null : $"whsec_{Convert.ToBase64String(secret)}" };
        return TypedResults.Json(view, AnswerJson.Default.RouteView, statusCode: StatusCodes.Status201Created);
    }

    public async Task<IResult> ListAsync(HttpContext context) => TypedResults.Json(
        new Page<RouteView>([.. (await routes.ListAsync(Caller.Of(context).Account, context.RequestAborted)).Select(ViewOf)]), AnswerJson.Default.PageRouteView);

    public async Task<IResult> RemoveAsync(HttpContext context, string id)
    {
        Reach.RequireWhole(context);
        if (!await routes.RemoveAsync(Caller.Of(context).Account, id, context.RequestAborted))
        {
            return new ProblemAnswer(Problem.NotFound("the account has no route with this id"));
        }

        routed.Forget();
        return TypedResults.NoContent();
    }

    private static string? MatchOf(string? text) =>
        text is null ? null
        : EnvelopeAddress.TryParse(text, out var address) ? InboundRoute.KeyOf(address)
        : EnvelopeAddress.TryNormaliseDomain(text, out var domain) && domain.Contains('.', StringComparison.Ordinal) && domain[0] != '[' ? domain
        : null;

    // A route outlives the right to its domain, which may come back; it stands in nobody's way who has the right now.
    private async ValueTask<bool> TryAddAsync(InboundRoute route, CancellationToken cancellation)
    {
        // It may go between the look and the change; who takes its place is there to stay.
        for (var attempt = 0; attempt < 2; attempt++)
        {
            if (await routes.TryAddAsync(route, cancellation))
            {
                return true;
            }

            if (await routes.FindAsync(route.Match, cancellation) is { } holder)
            {
                return !await routed.MayHaveAsync(holder.Account, holder.Match, cancellation) && await routes.TryReplaceAsync(holder, route, cancellation);
            }
        }

        return false;
    }

    private RouteView ViewOf(InboundRoute route) =>
        new(route.Id, route.Match, route.Webhook?.AbsoluteUri, route.ForwardTo, $"10 {relay.Value.HostName}", route.CreatedAt);
}

internal sealed record RouteRequest
{
    /// <summary>A domain, for all its addresses without a route of their own, or an address.</summary>
    public string? Match { get; init; }

    /// <summary>Posted to. Without it and <see cref="ForwardTo"/> the mail goes on as it came, to the host that the delivery's routes name for the domain.</summary>
    public string? Webhook { get; init; }

    public string? ForwardTo { get; init; }
}

/// <param name="Mx">The MX record that brings the domain's mail here.</param>
internal sealed record RouteView(string Id, string Match, string? Webhook, string? ForwardTo, string Mx, DateTimeOffset CreatedAt)
{
    /// <summary>What posts are signed with (Standard Webhooks), this once.</summary>
    public string? Secret { get; init; }
}
