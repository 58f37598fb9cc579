using System.Text.Json.Serialization;
using Relay.Mail;
using Relay.Mail.Queue;

namespace Relay.Intake.Http.Queue;

/// <param name="Depth">Units that wait: one message to one destination domain each.</param>
/// <param name="Exact">False where there are too many lanes to look at all of them: the depth is as counted a little before.</param>
/// <param name="Lanes">The deepest of those looked at.</param>
internal sealed record QueueView(long Depth, bool Exact, DateTimeOffset? EarliestDue, IReadOnlyList<LaneView> Lanes);

/// <param name="Lane">Its name, <c>domain/account/class</c>.</param>
/// <param name="Suspended">What keeps all of it waiting.</param>
internal sealed record LaneView(
    string Lane, string Domain, string Account, string Class, long Depth, DateTimeOffset EarliestDue, HoldView? Suspended)
{
    public static LaneView Of(LaneDepth depth, SuspensionSnapshot suspended) => new(
        NameOf(depth.Lane),
        depth.Lane.Domain,
        depth.Lane.Account,
        Word.Of(depth.Lane.Class),
        depth.Units,
        depth.EarliestDue,
        HoldView.Of(suspended.Find(depth.Lane)));

    public static string NameOf(Lane lane) => $"{lane.Domain}/{lane.Account}/{Word.Of(lane.Class)}";
}

/// <summary>A lane with a page of its units, in the order in which they are due.</summary>
/// <param name="Next">Give it as <c>cursor</c> to read on; null at the end.</param>
internal sealed record LanePage(LaneView Lane, IReadOnlyList<UnitView> Items, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Next);

/// <summary>The suspension that keeps something waiting.</summary>
internal sealed record HoldView(string Id, string Reason, DateTimeOffset? Until)
{
    public static HoldView? Of(Suspension? suspension) => suspension is null ? null : new(suspension.Id, suspension.Reason, suspension.Until);
}

internal sealed record UnitView
{
    public required string Message { get; init; }

    /// <summary>The unit's own name: a message has one for each domain.</summary>
    public required string Unit { get; init; }

    public required string Lane { get; init; }
    public required DateTimeOffset DueAt { get; init; }
    public required int Attempts { get; init; }
    public string? LastReply { get; init; }
    public required IReadOnlyList<string> Recipients { get; init; }
    public HoldView? Suspended { get; init; }

    public static UnitView Of(WaitingUnit unit, SuspensionSnapshot suspended) => new()
    {
        Message = unit.Id.Message.ToString(),
        Unit = unit.Id.ToString(),
        Lane = LaneView.NameOf(unit.Lane),
        DueAt = unit.DueAt,
        Attempts = unit.State?.Attempts ?? 0,
        LastReply = unit.State?.Open[^1].Reply,
        Recipients = unit.Recipients,
        Suspended = HoldView.Of(suspended.Find(unit.Lane, unit.Id.Message)),
    };
}

/// <summary>What would be done, with the first of it.</summary>
/// <param name="Exact">False where there is too much to look at each unit.</param>
internal sealed record PreviewView(long Units, bool Exact, IReadOnlyList<LaneView> Lanes, IReadOnlyList<UnitView> Items);

/// <param name="Status"><c>done</c>, or <c>accepted</c>: it is kept, and goes on until all of it is done.</param>
/// <param name="Units">Changed so far.</param>
internal sealed record AskView(string Status, long Units);

internal sealed record SuspensionView
{
    public required string Id { get; init; }
    public string? Account { get; init; }
    public string? Domain { get; init; }
    public string? Class { get; init; }
    public string? Message { get; init; }
    public required string Reason { get; init; }

    /// <summary>The key that asked for it, by its id.</summary>
    public required string By { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset? Until { get; init; }

    public static SuspensionView Of(Suspension suspension) => new()
    {
        Id = suspension.Id,
        Account = suspension.Selector.Account,
        Domain = suspension.Selector.Domain,
        Class = suspension.Selector.Class is { } @class ? Word.Of(@class) : null,
        Message = suspension.Selector.Message?.ToString(),
        Reason = suspension.Reason,
        By = suspension.By,
        CreatedAt = suspension.CreatedAt,
        Until = suspension.Until,
    };
}
