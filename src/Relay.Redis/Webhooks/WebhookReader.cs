using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Webhooks;
using Relay.Redis.Connections;
using Relay.Redis.Keys;
using Relay.Redis.Records;
using Relay.Redis.Steps;
using StackExchange.Redis;

namespace Relay.Redis.Webhooks;

/// <summary>
/// Reads what is due for a webhook: which messages, and of each what happened behind its mark. How much that is of each is known
/// before any of it is read, so that no more comes into memory than was asked for.
/// </summary>
internal sealed class WebhookReader(Store store, TimeProvider time)
{
    // The first event, with what lists show of the message, nearly always fits; so do some dozens of events behind it.
    private const int Window = 32 * 1024;

    // Reads go apart from the steps, which hold up what stands behind them.
    private IDatabase Database => store.Connections.Reading;

    public ValueTask<IReadOnlyList<WebhookTurn>> ReadAsync(PartitionKeys keys, string webhook, int most, long octets, DateTimeOffset? dueBefore, CancellationToken cancellation) =>
        StoreFailure.TranslateAsync(ReadAsync(keys, webhook, most, octets, dueBefore), cancellation);

    private async Task<IReadOnlyList<WebhookTurn>> ReadAsync(PartitionKeys keys, string webhook, int most, long octets, DateTimeOffset? dueBefore)
    {
        var now = time.GetUtcNow();
        var due = await Database.SortedSetRangeByScoreAsync(
            keys.Hook(webhook), double.NegativeInfinity, (dueBefore ?? now).ToUnixTimeMilliseconds(), take: most, flags: StoreConnections.FromPrimary).InTimeAsync();
        var ids = due.Select(each => MessageId.TryParse(each.ToString(), out var id) ? id : default(MessageId?)).OfType<MessageId>();
        var plans = await Task.WhenAll(ids.Select(id => PlanAsync(keys, webhook, id, now)));
        return await Task.WhenAll(Affordable(plans, octets).Select(plan => ReadAsync(keys, plan)));
    }

    private static IEnumerable<Plan> Affordable(Plan[] plans, long octets)
    {
        var taken = 0L;
        foreach (var plan in plans)
        {
            taken += plan.Window + plan.Front;
            if (taken > octets && !ReferenceEquals(plan, plans[0]))
            {
                yield break;
            }

            yield return plan;
        }
    }

    private async Task<Plan> PlanAsync(PartitionKeys keys, string webhook, MessageId id, DateTimeOffset now)
    {
        var marked = Database.StringGetAsync(keys.HookMark(webhook, id), StoreConnections.FromPrimary);
        var length = await Database.StringLengthAsync(keys.Activity(id), StoreConnections.FromPrimary).InTimeAsync();
        var mark = (string?)await marked.InTimeAsync() ?? "";
        var (offset, queued, failures, isTest) = HookStep.ReadMark(mark, now.ToUnixTimeMilliseconds());

        // What the mark was set in is forgotten, and what stands there now came later.
        offset = offset > length ? 0 : offset;
        var turn = new WebhookTurn
        {
            Message = id,
            Mark = mark,
            Queued = DateTimeOffset.FromUnixTimeMilliseconds(queued),
            Failures = failures,
            From = offset,
            Length = isTest ? 1 : length,
            IsTest = isTest,
            Events = isTest ? [new WebhookEvent(0, 1, "", null)] : [],
        };
        return isTest || offset >= length
            ? new Plan(turn, 0, 0)
            : new Plan(turn, await MeasureWindowAsync(keys.Activity(id), offset, length), offset == 0 ? 0 : await MeasureFirstAsync(keys.Activity(id), 0, offset));
    }

    // At least the whole of the event that stands there.
    private async Task<long> MeasureWindowAsync(RedisKey activity, long offset, long length) => length - offset <= Window
        ? length - offset
        : Math.Max(Window, await MeasureFirstAsync(activity, offset, length));

    private async Task<long> MeasureFirstAsync(RedisKey activity, long offset, long until)
    {
        ReadOnlyMemory<byte> front = await Database.StringGetRangeAsync(activity, offset, offset + ActivityRecord.LengthOctets - 1, StoreConnections.FromPrimary).InTimeAsync();
        return Math.Min(ActivityRecord.MeasureFirst(front.Span), until - offset);
    }

    private async Task<WebhookTurn> ReadAsync(PartitionKeys keys, Plan plan)
    {
        if (plan.Window == 0)
        {
            return plan.Turn;
        }

        var (turn, activity) = (plan.Turn, keys.Activity(plan.Turn.Message));
        var front = plan.Front == 0 ? null : Database.StringGetRangeAsync(activity, 0, plan.Front - 1, StoreConnections.FromPrimary);
        ReadOnlyMemory<byte> window = await Database.StringGetRangeAsync(activity, turn.From, turn.From + plan.Window - 1, StoreConnections.FromPrimary).InTimeAsync();
        var events = EventsIn(window, turn.From, turn.Length);
        var first = turn.From == 0 ? events is [{ Happened: { } accepted }, ..] ? accepted : null : front is null ? null : FirstIn(await front.InTimeAsync());
        return turn with { Events = events, Summary = first?.Summary };
    }

    private static List<WebhookEvent> EventsIn(ReadOnlyMemory<byte> window, long offset, long length)
    {
        var events = new List<WebhookEvent>();
        var rest = window.Span;
        while (ActivityRecord.TryTake(rest, out var json, out var taken))
        {
            events.Add(new WebhookEvent(offset, offset + taken, WebhookEvent.PrintOf(json), ActivityRecord.ReadOne(json)));
            offset += taken;
            rest = rest[taken..];
        }

        // Where the lengths break off nothing behind can be read, and nobody is to wait for it.
        return events.Count > 0 ? events : [new WebhookEvent(offset, length, "", null)];
    }

    private static MailEvent? FirstIn(ReadOnlyMemory<byte> front) =>
        ActivityRecord.TryTake(front.Span, out var json, out _) ? ActivityRecord.ReadOne(json) : null;

    /// <summary>What is to be read of a message.</summary>
    /// <param name="Turn">What is known of it without that.</param>
    /// <param name="Window">Octets from where it begins, which end with whole events; 0 where nothing is to be read.</param>
    /// <param name="Front">Octets of its first event, which shows what lists do; 0 where that stands in the window.</param>
    private sealed record Plan(WebhookTurn Turn, long Window, long Front);
}
