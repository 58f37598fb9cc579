using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Relay.Mail.Messages;
using Relay.Mail.Webhooks;
using Relay.Redis.Connections;
using Relay.Redis.Steps;
using Relay.Redis.Telemetry;
using StackExchange.Redis;

namespace Relay.Redis.Webhooks;

/// <summary>
/// What leaves a webhook's lane without having been posted: the oldest of too much, all where the webhook was removed, and what
/// is forgotten of its message.
/// </summary>
internal sealed class WebhookBounds(Store store, WebhookDirectory directory, RedisMetrics metrics, IOptions<StoreOptions> options, ILogger<WebhookBounds> logger)
{
    private const int Chunk = 256;

    private IDatabase Database => store.Connections.Background;

    /// <summary>How many messages may wait in a lane: the same part of what a webhook may have in each partition.</summary>
    public int MostOfLane => Math.Max(1, options.Value.Queue.WebhookMessages / store.Partitions.Count);

    /// <summary>How many messages a replay may find in a lane, or add to it. The other half is for what happens meanwhile, which would push out what waits.</summary>
    public int MostReplayed => Math.Max(1, MostOfLane / 2);

    /// <param name="count">So many wait in the lane.</param>
    public async ValueTask TrimAsync(Partition partition, EventWebhook webhook, long count, CancellationToken cancellation)
    {
        var surplus = count - MostOfLane;
        if (surplus <= 0)
        {
            return;
        }

        var name = WebhookDirectory.NameOf(webhook);
        for (var left = surplus; left > 0; left -= Chunk)
        {
            var oldest = await StoreFailure.TranslateAsync(
                Database.SortedSetRangeByRankAsync(partition.Keys.Hook(name), 0, Math.Min(left, Chunk) - 1, flags: StoreConnections.FromPrimary), cancellation);
            if (oldest.Length == 0)
            {
                break;
            }

            var step = Database.CreateTransaction();
            HookStep.AddDrop(step, partition.Keys, name, oldest);
            await StoreFailure.TranslateAsync(step.RunAsync(), cancellation);
        }

        metrics.EventsDropped(surplus);
        logger.WebhookEventsDropped(webhook.Id, webhook.Account, surplus);
    }

    /// <summary>The webhook was removed: what waits for it goes to nobody.</summary>
    public async ValueTask ForgetAsync(Partition partition, string name, CancellationToken cancellation)
    {
        var keys = partition.Keys;
        while (await StoreFailure.TranslateAsync(Database.SortedSetRangeByRankAsync(keys.Hook(name), 0, Chunk - 1, flags: StoreConnections.FromPrimary), cancellation) is { Length: > 0 } some)
        {
            var step = Database.CreateTransaction();
            HookStep.AddDrop(step, keys, name, some);
            await StoreFailure.TranslateAsync(step.RunAsync(), cancellation);
        }

        await StoreFailure.TranslateAsync(Database.KeyDeleteAsync([keys.HookCounts(name), keys.HookNews(name)]), cancellation);
        await StoreFailure.TranslateAsync(Database.SetRemoveAsync(keys.Hooks, name), cancellation);
    }

    public async ValueTask ForgetEmptyAsync(Partition partition, string name, CancellationToken cancellation)
    {
        var step = Database.CreateTransaction();
        step.AddCondition(Condition.KeyNotExists(partition.Keys.Hook(name)));
        _ = step.SetRemoveAsync(partition.Keys.Hooks, name, CommandFlags.FireAndForget);
        await StoreFailure.TranslateAsync(step.RunAsync(), cancellation);
    }

    /// <summary>
    /// Adds to the step that forgets what happened to messages what follows for webhooks: there is nothing left to post, and what
    /// happens to them later begins anew, where a mark from before would lead into the middle of something.
    /// </summary>
    /// <param name="ended">As they stand among the finished ones.</param>
    /// <returns>How many messages each webhook loses; tell it behind the step.</returns>
    public async Task<IReadOnlyList<(EventWebhook Webhook, int Messages)>> AddForgottenAsync(IDatabase database, ITransaction step, Partition partition, RedisValue[] ended)
    {
        if (directory.IsEmpty)
        {
            return [];
        }

        var known = ended.Select(ProjectStep.ReadEnded).OfType<(MessageId Message, string Account)>()
            .SelectMany(each => directory.Of(each.Account).Select(webhook => (Webhook: webhook, each.Message))).ToList();
        var waits = await Task.WhenAll(known.Select(
            each => database.KeyExistsAsync(partition.Keys.HookMark(WebhookDirectory.NameOf(each.Webhook), each.Message), StoreConnections.FromPrimary))).InTimeAsync();
        var lost = known.Zip(waits).Where(each => each.Second).GroupBy(each => each.First.Webhook, each => (RedisValue)each.First.Message.ToString()).ToList();
        lost.ForEach(webhook => HookStep.AddDrop(step, partition.Keys, WebhookDirectory.NameOf(webhook.Key), [.. webhook]));
        return [.. lost.Select(webhook => (webhook.Key, webhook.Count()))];
    }

    public void Tell(IReadOnlyList<(EventWebhook Webhook, int Messages)> forgotten)
    {
        foreach (var (webhook, messages) in forgotten)
        {
            metrics.EventsDropped(messages);
            logger.WebhookEventsForgotten(webhook.Id, webhook.Account, messages);
        }
    }
}
