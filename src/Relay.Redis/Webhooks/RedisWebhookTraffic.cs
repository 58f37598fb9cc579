using Relay.Mail.Messages;
using Relay.Mail.Webhooks;
using Relay.Redis.Activity;
using Relay.Redis.Administration;
using Relay.Redis.Connections;
using Relay.Redis.Steps;
using StackExchange.Redis;

namespace Relay.Redis.Webhooks;

/// <summary>Looks at what waits for a webhook in all partitions, and puts there what is to be sent again. The owners hear the bell.</summary>
internal sealed class RedisWebhookTraffic(Store store, RedisActivityReader activity, WebhookBounds bounds, Bell bell, TimeProvider time) : IWebhookTraffic
{
    // They go into one step.
    private const int AtOnce = 256;

    private IDatabase Database => store.Connections.Reading;

    public async ValueTask<WebhookStanding> StandingAsync(EventWebhook webhook, CancellationToken cancellation)
    {
        var parts = await StoreFailure.TranslateAsync(Task.WhenAll(store.Partitions.Select(partition => LookAsync(partition, WebhookDirectory.NameOf(webhook)))), cancellation);
        var failed = parts.MaxBy(part => part.Bad)!;
        var lastTaken = parts.Max(part => part.Good);
        var since = parts.Where(part => part.Since > (lastTaken ?? 0)).Min(part => part.Since);
        return new WebhookStanding
        {
            Waiting = parts.Sum(part => part.Waiting),
            Oldest = TimeOf(parts.Min(part => part.Oldest)),
            Taken = parts.Sum(part => part.Taken),
            GivenUp = parts.Sum(part => part.GivenUp),
            Dropped = parts.Sum(part => part.Dropped),
            LastTaken = TimeOf(lastTaken),
            LastFailed = TimeOf(failed.Bad),
            LastError = failed.Words,
            FailingSince = TimeOf(since),
        };
    }

    public async ValueTask<string> TestAsync(EventWebhook webhook, CancellationToken cancellation)
    {
        var id = MessageId.Create(time);
        await PutAsync(webhook, [id], isTest: true, cancellation);
        return WebhookEvent.TestIdOf(id, webhook);
    }

    public async ValueTask<WebhookReplay?> ReplayAsync(EventWebhook webhook, MessageId message, CancellationToken cancellation) =>
        await activity.FindAsync(webhook.Account, message, cancellation) is null ? null : await ReplayAsync(webhook, [message], null, cancellation);

    public async ValueTask<WebhookReplay> ReplayAsync(EventWebhook webhook, DateTimeOffset since, DateTimeOffset until, int most, CancellationToken cancellation)
    {
        RedisValue from = MessageId.FirstOf(since).ToString();
        RedisValue to = MessageId.FirstOf(until.AddMilliseconds(1)).ToString();
        var parts = await StoreFailure.TranslateAsync(
            Task.WhenAll(store.Partitions.Select(p => Database.SortedSetRangeByValueAsync(p.Keys.AccountActivity(webhook.Account), from, to, Exclude.Stop, Order.Ascending, 0, most + 1))), cancellation);
        var ids = parts.SelectMany(part => part)
            .Select(id => MessageId.TryParse(id.ToString(), out var parsed) ? parsed : default(MessageId?)).OfType<MessageId>()
            .Order().Take(most + 1).ToList();
        return await ReplayAsync(webhook, [.. ids.Take(most)], ids.Count > most ? ids[most].CreatedAt : null, cancellation);
    }

    /// <param name="messages">In order.</param>
    /// <param name="next">When those behind them begin.</param>
    private async ValueTask<WebhookReplay> ReplayAsync(EventWebhook webhook, IReadOnlyList<MessageId> messages, DateTimeOffset? next, CancellationToken cancellation)
    {
        var name = WebhookDirectory.NameOf(webhook);
        var waiting = await StoreFailure.TranslateAsync(Task.WhenAll(store.Partitions.Select(p => Database.SortedSetLengthAsync(p.Keys.Hook(name)))), cancellation);
        var room = store.Partitions.Zip(waiting).ToDictionary(pair => pair.First, pair => bounds.MostReplayed - pair.Second);
        var taken = new List<MessageId>(messages.Count);

        // What was accepted in one moment goes together: the next part begins with a time.
        foreach (var moment in messages.GroupBy(message => message.CreatedAt))
        {
            if (moment.Any(message => room[store.PartitionOf(message)] <= 0))
            {
                next = moment.Key;
                break;
            }

            foreach (var message in moment)
            {
                room[store.PartitionOf(message)]--;
                taken.Add(message);
            }
        }

        await PutAsync(webhook, taken, isTest: false, cancellation);
        return new WebhookReplay(taken.Count, next)
        {
            Crowd = taken.Count == 0 && messages.Count > 0 ? new WebhookCrowd(waiting.Sum(), (long)bounds.MostOfLane * store.Partitions.Count) : null,
        };
    }

    private async ValueTask PutAsync(EventWebhook webhook, IReadOnlyList<MessageId> messages, bool isTest, CancellationToken cancellation)
    {
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        foreach (var partition in messages.GroupBy(store.PartitionOf))
        {
            foreach (var some in partition.Chunk(AtOnce))
            {
                var step = Database.CreateTransaction();
                HookStep.AddReplay(step, partition.Key.Keys, WebhookDirectory.NameOf(webhook), some, now, isTest);
                await StoreFailure.TranslateAsync(step.RunAsync(), cancellation);
            }
        }

        bell.Ring(bell.Webhooks);
    }

    private async Task<Part> LookAsync(Partition partition, string name)
    {
        var keys = partition.Keys;
        var waiting = Database.SortedSetLengthAsync(keys.Hook(name));
        var first = Database.SortedSetRangeByRankAsync(keys.Hook(name), 0, 0);
        var counts = Database.HashGetAsync(keys.HookCounts(name), [HookStep.Taken, HookStep.GivenUp, HookStep.Dropped]);
        var news = Database.HashGetAsync(keys.HookNews(name), [HookStep.Good, HookStep.Bad, HookStep.Words, HookStep.Since]);
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        var oldest = await first.InTimeAsync() is [var id, ..] && MessageId.TryParse(id.ToString(), out var message)
            ? HookStep.ReadMark((string?)await Database.StringGetAsync(keys.HookMark(name, message)).InTimeAsync() ?? "", now).Queued
            : default(long?);
        var (counted, said) = (await counts.InTimeAsync(), await news.InTimeAsync());
        return new Part(
            await waiting.InTimeAsync(), oldest, (long)counted[0], (long)counted[1], (long)counted[2], (long?)said[0], (long?)said[1], (string?)said[2], (long?)said[3]);
    }

    private static DateTimeOffset? TimeOf(long? milliseconds) => milliseconds is { } time ? DateTimeOffset.FromUnixTimeMilliseconds(time) : null;

    private sealed record Part(long Waiting, long? Oldest, long Taken, long GivenUp, long Dropped, long? Good, long? Bad, string? Words, long? Since);
}
