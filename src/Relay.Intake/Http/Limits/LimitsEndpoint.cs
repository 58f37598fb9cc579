using Microsoft.AspNetCore.Http;
using Relay.Intake.Http.Access;
using Relay.Intake.Http.Json;
using Relay.Intake.Limits;
using Relay.Mail.Accounts;

namespace Relay.Intake.Http.Limits;

/// <summary><c>GET /limits</c>: what the caller's account and key may send, and have, as the store counts it over all nodes.</summary>
internal sealed class LimitsEndpoint(Quotas quotas, IUsageReader usage, TimeProvider time)
{
    public async Task<IResult> ReadAsync(HttpContext context)
    {
        var caller = Caller.Of(context);
        var cancellation = context.RequestAborted;
        var items = await ViewsAsync(LimitOwner.Account, await quotas.LimitsOfAsync(caller.Account, cancellation), caller.Account, null, cancellation);

        // The admin key sends for everybody and is nobody's to limit.
        if (!caller.IsAdmin)
        {
            items.AddRange(await ViewsAsync(LimitOwner.Key, caller.Limits ?? new SendingLimits(), caller.Account, caller.Id, cancellation));
        }

        return TypedResults.Json(new Page<LimitView>(items), AnswerJson.Default.PageLimitView);
    }

    private async ValueTask<List<LimitView>> ViewsAsync(
        LimitOwner owner, SendingLimits limits, string account, string? credential, CancellationToken cancellation)
    {
        var today = DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);
        var used = await usage.ReadAsync(account, credential, today, cancellation);
        List<LimitView> views = limits.PerSecond is { } perSecond ? [LimitView.Rate(owner, perSecond)] : [];
        views.Add(LimitView.Quota(owner, LimitPeriod.Day, limits.PerDay, used.Day, QuotaMeter.EndOfDay(today)));
        views.Add(LimitView.Quota(owner, LimitPeriod.Month, limits.PerMonth, used.Month, QuotaMeter.EndOfMonth(today)));
        return views;
    }
}
