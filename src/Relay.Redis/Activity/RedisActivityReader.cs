using System.Text.Json;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Redis.Connections;
using Relay.Redis.Records;
using StackExchange.Redis;

namespace Relay.Redis.Activity;

/// <summary>
/// Reads what happened to messages: activity, and behind it what still stands in the outbox. Both are read in one step,
/// since the projecting step moves events from one to the other in one.
/// </summary>
internal sealed class RedisActivityReader(Store store) : IActivityReader
{
    // Of an outbox that is far behind only so much is read; a message accepted behind that is told by its record.
    private const int MaxOutbox = 8_192;

    private IDatabase Database => store.Connections.Reading;

    public async ValueTask<MessageActivity?> FindAsync(string account, MessageId id, CancellationToken cancellation) =>
        await FindAsync(id, cancellation) is { Events: [var accepted, ..] } found && accepted.Account == account ? found : null;

    /// <summary>The same for whoever does not know whose it is.</summary>
    public async ValueTask<MessageActivity?> FindAsync(MessageId id, CancellationToken cancellation)
    {
        var partition = store.PartitionOf(id);
        var step = Database.CreateTransaction();
        var activity = step.StringGetAsync(partition.Keys.Activity(id));
        var outbox = step.ListRangeAsync(partition.Keys.Outbox, 0, MaxOutbox - 1);
        await StoreFailure.TranslateAsync(step.RunAsync(), cancellation);

        var events = new List<MailEvent>();
        ActivityRecord.Read(((ReadOnlyMemory<byte>)await activity).Span, events);
        AddFromOutbox(await outbox, id, events);
        if (events is not [{ Type: MailEventType.Accepted }, ..])
        {
            await AddFromRecordAsync(partition, id, events, cancellation);
        }

        return events is [{ Summary: { } summary }, ..] ? new MessageActivity(id, summary, events) : null;
    }

    public async ValueTask<IReadOnlyList<MessageActivity>> ListAsync(string account, MessageId? before, int limit, CancellationToken cancellation)
    {
        var parts = await Task.WhenAll(store.Partitions.Select(p => ListAsync(p, account, before, limit, cancellation)));
        return [.. parts.SelectMany(p => p).OrderByDescending(m => m.Id).Take(limit)];
    }

    private async Task<IReadOnlyList<MessageActivity>> ListAsync(
        Partition partition, string account, MessageId? before, int limit, CancellationToken cancellation)
    {
        var step = Database.CreateTransaction();
        var known = step.SortedSetRangeByValueAsync(
            partition.Keys.AccountActivity(account),
            max: before is { } bound ? bound.ToString() : default(RedisValue),
            exclude: Exclude.Stop,
            order: Order.Descending,
            take: limit);
        var outbox = step.ListRangeAsync(partition.Keys.Outbox, 0, MaxOutbox - 1);
        await StoreFailure.TranslateAsync(step.RunAsync(), cancellation);

        var unprojected = (await outbox)
            .Select(entry => EventRecord.TryRead(entry, out var record) ? record : default(EventRecord?))
            .Where(record => record?.Account == account)
            .Select(record => record!.Value.Message);
        MessageId[] ids =
        [
            .. (await known).Select(id => MessageId.TryParse(id.ToString(), out var parsed) ? parsed : default(MessageId?)).OfType<MessageId>()
                .Union(unprojected)
                .Where(id => before is not { } b || id.CompareTo(b) < 0)
                .OrderDescending()
                .Take(limit),
        ];
        var found = await Task.WhenAll(ids.Select(id => FindAsync(account, id, cancellation).AsTask()));
        return [.. found.OfType<MessageActivity>()];
    }

    private static void AddFromOutbox(RedisValue[] outbox, MessageId id, List<MailEvent> events)
    {
        foreach (var entry in outbox)
        {
            if (EventRecord.TryRead(entry, out var record) && record.Message == id)
            {
                try
                {
                    events.Add(record.Read());
                }
                catch (JsonException)
                {
                    // The projector sets it aside with an alert.
                }
            }
        }
    }

    private async Task AddFromRecordAsync(Partition partition, MessageId id, List<MailEvent> events, CancellationToken cancellation)
    {
        var record = await StoreFailure.TranslateAsync(Database.StringGetAsync(partition.Keys.Message(id)), cancellation);
        if (!record.IsNull && MessageRecord.TryRead(id, record, out var message, out _))
        {
            events.Insert(0, MessageSummary.AcceptedEvent(message));
        }
    }
}
