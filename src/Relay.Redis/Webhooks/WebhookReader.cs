using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Webhooks;
using Relay.Redis.Connections;
using Relay.Redis.Keys;
using Relay.Redis.Records;
using Relay.Redis.Steps;
using StackExchange.Redis;

namespace Relay.Redis.Webhooks;

/// <summary>Reads what is due for a webhook: which messages, and of each what happened behind its mark.</summary>
internal sealed class WebhookReader(Store store, TimeProvider time)
{
    // The first event, with what lists show of the message, nearly always fits; so do some dozens of events behind it.
    private const int Front = 4 * 1024;
    private const int Window = 32 * 1024;

    // Reads go apart from the steps, which hold up what stands behind them.
    private IDatabase Database => store.Connections.Reading;

    public ValueTask<IReadOnlyList<WebhookTurn>> ReadAsync(PartitionKeys keys, string webhook, int most, DateTimeOffset? dueBefore, CancellationToken cancellation) =>
        StoreFailure.TranslateAsync(ReadAsync(keys, webhook, most, dueBefore), cancellation);

    private async Task<IReadOnlyList<WebhookTurn>> ReadAsync(PartitionKeys keys, string webhook, int most, DateTimeOffset? dueBefore)
    {
        var now = time.GetUtcNow();
        var due = await Database.SortedSetRangeByScoreAsync(
            keys.Hook(webhook), double.NegativeInfinity, (dueBefore ?? now).ToUnixTimeMilliseconds(), take: most, flags: StoreConnections.FromPrimary).InTimeAsync();
        var ids = due.Select(each => MessageId.TryParse(each.ToString(), out var id) ? id : default(MessageId?)).OfType<MessageId>();
        return await Task.WhenAll(ids.Select(id => ReadAsync(keys, webhook, id, now)));
    }

    private async Task<WebhookTurn> ReadAsync(PartitionKeys keys, string webhook, MessageId id, DateTimeOffset now)
    {
        var key = keys.Activity(id);
        var marked = Database.StringGetAsync(keys.HookMark(webhook, id), StoreConnections.FromPrimary);
        var length = await Database.StringLengthAsync(key, StoreConnections.FromPrimary).InTimeAsync();
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
            Events = isTest ? [new WebhookEvent(0, 1, null)] : [],
        };
        if (isTest || offset >= length)
        {
            return turn;
        }

        var window = await ReadWindowAsync(key, offset, Window);
        var events = EventsIn(window, offset, length);
        var first = offset == 0 ? events is [{ Happened: { } accepted }, ..] ? accepted : null : ActivityRecordIn(await ReadWindowAsync(key, 0, Front));
        return turn with { Events = events, Summary = first?.Summary };
    }

    // At least the whole of the event that stands there.
    private async Task<ReadOnlyMemory<byte>> ReadWindowAsync(RedisKey key, long offset, int octets)
    {
        ReadOnlyMemory<byte> window = await Database.StringGetRangeAsync(key, offset, offset + octets - 1, StoreConnections.FromPrimary).InTimeAsync();
        return ActivityRecord.MeasureFirst(window.Span) is var needed && needed > octets && window.Length == octets
            ? await Database.StringGetRangeAsync(key, offset, offset + needed - 1, StoreConnections.FromPrimary).InTimeAsync()
            : window;
    }

    private static List<WebhookEvent> EventsIn(ReadOnlyMemory<byte> window, long offset, long length)
    {
        var events = new List<WebhookEvent>();
        var rest = window.Span;
        while (ActivityRecord.TryTake(rest, out var json, out var taken))
        {
            events.Add(new WebhookEvent(offset, offset + taken, ActivityRecord.ReadOne(json)));
            offset += taken;
            rest = rest[taken..];
        }

        // Where the lengths break off nothing behind can be read, and nobody is to wait for it.
        return events.Count > 0 ? events : [new WebhookEvent(offset, length, null)];
    }

    private static MailEvent? ActivityRecordIn(ReadOnlyMemory<byte> front) =>
        ActivityRecord.TryTake(front.Span, out var json, out _) ? ActivityRecord.ReadOne(json) : null;
}
