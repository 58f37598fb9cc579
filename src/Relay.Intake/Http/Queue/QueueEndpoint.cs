using System.Globalization;
using Microsoft.AspNetCore.Http;
using Relay.Intake.Http.Access;
using Relay.Intake.Http.Json;
using Relay.Mail;
using Relay.Mail.Messages;
using Relay.Mail.Queue;

namespace Relay.Intake.Http.Queue;

/// <summary>
/// <c>GET /queue</c> and below: what waits. The admin key sees all of it, another key its account's lanes. Those hold live mail and
/// test mail alike, so a test key, which stands in scripts and on laptops, sees no more than single messages of its own kind.
/// </summary>
internal sealed class QueueEndpoint(IQueueReader queue, ISuspensions suspensions)
{
    // More lanes than a page shows; the deepest come first.
    private const int MaxLanes = 500;

    public async Task<IResult> MeasureAsync(HttpContext context)
    {
        RequireLive(context);
        var account = Reach.AccountOf(context);
        var (depth, lanes) = await queue.LookAsync(account, MaxLanes, context.RequestAborted);
        var suspended = suspensions.Current;
        var view = new QueueView(depth.Units, depth.IsExact, depth.EarliestDue, [.. lanes.Select(lane => LaneView.Of(lane, suspended))]);
        return TypedResults.Json(view, AnswerJson.Default.QueueView);
    }

    public async Task<IResult> FindLaneAsync(HttpContext context, string domain, string account, string @class, string? limit, string? cursor)
    {
        RequireLive(context);
        var page = PageRequest.Of(limit, null);
        var after = PositionOf(cursor);
        var reach = Reach.AccountOf(context);
        if ((reach is not null && account != reach)
            || !Word.TryParse(@class, out MessageClass word)
            || await queue.FindLaneAsync(new Lane(domain.ToLowerInvariant(), account, word), context.RequestAborted) is not { } depth)
        {
            return new ProblemAnswer(Problem.NotFound("nothing waits in such a lane"));
        }

        var units = await queue.ListUnitsAsync(depth.Lane, after, page.Limit, context.RequestAborted);
        var suspended = suspensions.Current;
        return TypedResults.Json(
            new LanePage(
                LaneView.Of(depth, suspended),
                [.. units.Select(unit => UnitView.Of(unit, suspended))],
                units.Count < page.Limit ? null : CursorOf(units[^1].Position)),
            AnswerJson.Default.LanePage);
    }

    public async Task<IResult> FindMessageAsync(HttpContext context, string id)
    {
        var reach = Reach.AccountOf(context);
        var units = MessageId.TryParse(id, out var message) ? await queue.FindUnitsAsync(message, context.RequestAborted) : [];
        var suspended = suspensions.Current;
        var seesLive = Caller.Of(context).Mode == MessageMode.Live;
        List<UnitView> views =
        [
            .. units.Where(unit => (reach is null || unit.Lane.Account == reach) && (seesLive || unit.Mode == MessageMode.Test))
                .Select(unit => UnitView.Of(unit, suspended)),
        ];
        return views.Count == 0
            ? new ProblemAnswer(Problem.NotFound("no mail of such a message waits"))
            : TypedResults.Json(new Page<UnitView>(views), AnswerJson.Default.PageUnitView);
    }

    private static void RequireLive(HttpContext context)
    {
        if (Caller.Of(context).Mode == MessageMode.Test)
        {
            throw new ProblemException(Problem.Forbidden("a test key may not see where live mail waits; GET /messages tells how its own stands"));
        }
    }

    // The due time in milliseconds and the unit: 1767225600000-01kd.../0
    private static string CursorOf(UnitPosition position) =>
        string.Create(CultureInfo.InvariantCulture, $"{position.DueAt.ToUnixTimeMilliseconds()}-{position.Unit}");

    private static UnitPosition? PositionOf(string? cursor) =>
        cursor is null ? null
        : cursor.Split('-', 2) is [var due, var unit]
            && long.TryParse(due, NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds)
            && milliseconds <= DateTimeOffset.MaxValue.ToUnixTimeMilliseconds()
            && UnitId.TryParse(unit, out var id)
            ? new UnitPosition(DateTimeOffset.FromUnixTimeMilliseconds(milliseconds), id)
            : throw new ProblemException(Problem.Unprocessable("cursor", "must be the next of an earlier page"));
}
