using Relay.Mail.Messages;
using Relay.Mail.Webhooks;
using Relay.Redis.Connections;
using Relay.Redis.Records;
using Relay.Redis.Steps;
using StackExchange.Redis;

namespace Relay.Redis.Webhooks;

/// <summary>The part of webhooks in a projecting step: which of its events wait for which of them from now on.</summary>
internal sealed class WebhookArrivals(WebhookDirectory directory, WaitingLanes waiting)
{
    /// <summary>
    /// What of these events, in the order of the outbox, is for webhooks. Asks the store only where there is one: where the
    /// activity of a message ends is where its next event will stand, since only the step that follows adds to it.
    /// </summary>
    public async Task<IReadOnlyList<WebhookArrival>> FindAsync(IDatabase database, Partition partition, IReadOnlyList<EventRecord> events)
    {
        if (directory.IsEmpty)
        {
            return [];
        }

        var wanted = events.GroupBy(happened => happened.Account).SelectMany(
            account => directory.Of(account.Key) is { Count: > 0 } webhooks ? account.GroupBy(happened => happened.Message).Select(message => (webhooks, message)) : []).ToList();
        var lengths = await Task.WhenAll(wanted.Select(each => database.StringLengthAsync(partition.Keys.Activity(each.message.Key), StoreConnections.FromPrimary))).InTimeAsync();
        return [.. wanted.Zip(lengths, (each, length) => Find(each.webhooks, each.message, length)).SelectMany(found => found)];
    }

    public static void Add(IDatabaseAsync step, Partition partition, IReadOnlyList<WebhookArrival> arrivals, long now)
    {
        foreach (var webhook in arrivals.GroupBy(arrival => arrival.Webhook))
        {
            HookStep.AddArrivals(step, partition.Keys, webhook.Key, [.. webhook.Select(arrival => (arrival.Message, arrival.Offset))], now);
        }
    }

    /// <summary>The step was done, or may have been.</summary>
    public void Announce(Partition partition, IReadOnlyList<WebhookArrival> arrivals)
    {
        foreach (var webhook in arrivals.GroupBy(arrival => arrival.Webhook))
        {
            waiting.Add(partition.Number, webhook.Key, webhook.Count());
        }
    }

    // The first one that a webhook wants: those behind it are found there when it is posted.
    private static IEnumerable<WebhookArrival> Find(IReadOnlyList<EventWebhook> webhooks, IGrouping<MessageId, EventRecord> message, long length)
    {
        var found = new HashSet<string>(StringComparer.Ordinal);
        var offset = length;
        foreach (var happened in message)
        {
            if (happened.TryReadKind(out var type, out _))
            {
                foreach (var webhook in webhooks)
                {
                    if (webhook.Wants(type) && found.Add(webhook.Id))
                    {
                        yield return new WebhookArrival(WebhookDirectory.NameOf(webhook), message.Key, offset);
                    }
                }
            }

            offset += ActivityRecord.Measure(happened);
        }
    }
}

/// <param name="Webhook">As <see cref="WebhookDirectory.NameOf"/> has it.</param>
/// <param name="Offset">Where in the message's activity its first event for the webhook stands.</param>
internal readonly record struct WebhookArrival(string Webhook, MessageId Message, long Offset);
