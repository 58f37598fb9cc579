using Microsoft.AspNetCore.Http;
using Relay.Intake.Http.Access;
using Relay.Intake.Http.Json;
using Relay.Intake.Http.Keys;
using Relay.Mail.Queue;

namespace Relay.Intake.Http.Queue;

/// <summary><c>/queue/suspensions</c>: mail that is kept waiting until someone lets it go on, or its time is over.</summary>
internal sealed class SuspensionEndpoints(
    QueueRequestReader requests, QueuePreviews previews, ISuspensions suspensions, TimeProvider time)
{
    public async Task<IResult> CreateAsync(HttpContext context, string? preview)
    {
        var onlyLooks = QueuePreviews.IsAsked(preview);
        var (selector, reason, until) = await requests.ReadAsync(context, needsReason: !onlyLooks, takesUntil: true);
        if (onlyLooks)
        {
            return await previews.AnswerAsync(selector, null, context.RequestAborted);
        }

        var caller = Caller.Of(context);
        var suspension = new Suspension
        {
            Id = ShortId.Create("sus"),
            Selector = selector,
            Reason = reason,
            By = caller.Id,
            ByOperator = caller.IsAdmin,
            CreatedAt = time.GetUtcNow(),
            Until = until?.ToUniversalTime(),
        };
        return await suspensions.TryAddAsync(suspension, context.RequestAborted)
            ? TypedResults.Json(SuspensionView.Of(suspension), AnswerJson.Default.SuspensionView, statusCode: StatusCodes.Status201Created)
            : new ProblemAnswer(Problem.Conflict("there are as many suspensions as there may be; lift some, or suspend more at once"));
    }

    public async Task<IResult> ListAsync(HttpContext context)
    {
        var reach = Reach.AccountOf(context);
        var seen = (await suspensions.ListAsync(context.RequestAborted)).Where(s => reach is null || s.Selector.Account == reach);
        return TypedResults.Json(new Page<SuspensionView>([.. seen.Select(SuspensionView.Of)]), AnswerJson.Default.PageSuspensionView);
    }

    public async Task<IResult> RemoveAsync(HttpContext context, string id)
    {
        Reach.RequireWhole(context);
        var reach = Reach.AccountOf(context);
        var found = (await suspensions.ListAsync(context.RequestAborted))
            .FirstOrDefault(s => s.Id == id && (reach is null || s.Selector.Account == reach));
        if (found is null)
        {
            return new ProblemAnswer(Problem.NotFound("there is no suspension with this id, or no longer"));
        }

        // An account that was stopped for what it sends must not let itself go again.
        if (found.ByOperator && !Caller.Of(context).IsAdmin)
        {
            return new ProblemAnswer(Problem.Forbidden("whoever runs this relay suspended this mail; only the admin key lifts it"));
        }

        await suspensions.RemoveAsync(id, context.RequestAborted);
        return TypedResults.NoContent();
    }
}
