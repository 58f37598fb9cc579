using Microsoft.AspNetCore.Http;
using Relay.Intake.Http.Access;
using Relay.Intake.Http.Json;
using Relay.Intake.Http.Messages;
using Relay.Mail.Queue;

namespace Relay.Intake.Http.Queue;

/// <summary><c>GET /queue</c>: what waits. The admin key sees all of it, another key its account's lanes.</summary>
internal sealed class QueueEndpoint(IQueueReader queue)
{
    // More lanes than a page shows; the deepest come first.
    private const int MaxLanes = 500;

    public async Task<IResult> MeasureAsync(HttpContext context)
    {
        var caller = Caller.Of(context);
        var seesAll = caller.IsAdmin && context.Request.Headers["Relay-Account"].Count == 0;
        var lanes = await queue.ListLanesAsync(seesAll ? null : caller.Account, MaxLanes, context.RequestAborted);
        var depth = seesAll ? await queue.MeasureAsync(context.RequestAborted) : DepthOf(lanes);
        var view = new QueueView(depth.Units, depth.EarliestDue, [.. lanes.Select(LaneView.Of)]) { Unreadable = seesAll ? depth.Unreadable : null };
        return TypedResults.Json(view, AnswerJson.Default.QueueView);
    }

    private static QueueDepth DepthOf(IReadOnlyList<LaneDepth> lanes) =>
        new(lanes.Sum(lane => lane.Units), lanes.Count == 0 ? null : lanes.Min(lane => lane.EarliestDue));
}

/// <param name="Depth">Units that wait: one message to one destination domain each.</param>
internal sealed record QueueView(long Depth, DateTimeOffset? EarliestDue, IReadOnlyList<LaneView> Lanes)
{
    /// <summary>Entries set aside since they cannot be read; only for the admin key.</summary>
    public long? Unreadable { get; init; }
}

internal sealed record LaneView(string Domain, string Account, string Class, long Depth, DateTimeOffset EarliestDue)
{
    public static LaneView Of(LaneDepth lane) =>
        new(lane.Lane.Domain, lane.Lane.Account, Word.Of(lane.Lane.Class), lane.Units, lane.EarliestDue);
}
