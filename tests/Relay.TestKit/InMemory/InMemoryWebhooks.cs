using System.Collections.Concurrent;
using Relay.Mail.Messages;
using Relay.Mail.Webhooks;

namespace Relay.TestKit.InMemory;

/// <summary>Webhooks in memory, and what the door asked for on their behalf.</summary>
public sealed class InMemoryWebhooks(TimeProvider time) : IWebhookStore, IWebhookTraffic
{
    private readonly ConcurrentDictionary<(string Account, string Id), EventWebhook> _webhooks = new();
    private readonly ConcurrentQueue<string> _asked = new();

    /// <summary>How each of them stands.</summary>
    public WebhookStanding Standing { get; set; } = new();

    /// <summary>Messages of which something is kept.</summary>
    public ConcurrentDictionary<MessageId, string> Kept { get; } = new();

    /// <summary>Tests and replays, in words.</summary>
    public IReadOnlyList<string> Asked => [.. _asked];

    public ValueTask<EventWebhook?> FindAsync(string account, string id, CancellationToken cancellation) =>
        ValueTask.FromResult(_webhooks.GetValueOrDefault((account, id)));

    public ValueTask<IReadOnlyList<EventWebhook>> ListAsync(string account, CancellationToken cancellation) =>
        ValueTask.FromResult<IReadOnlyList<EventWebhook>>([.. _webhooks.Values.Where(webhook => webhook.Account == account).OrderBy(webhook => webhook.CreatedAt)]);

    public ValueTask AddAsync(EventWebhook webhook, CancellationToken cancellation)
    {
        _webhooks[(webhook.Account, webhook.Id)] = webhook;
        return ValueTask.CompletedTask;
    }

    public ValueTask<EventWebhook?> ChangeAsync(string account, string id, Func<EventWebhook, EventWebhook> change, CancellationToken cancellation)
    {
        while (_webhooks.TryGetValue((account, id), out var known))
        {
            var changed = change(known);
            if (_webhooks.TryUpdate((account, id), changed, known))
            {
                return ValueTask.FromResult<EventWebhook?>(changed);
            }
        }

        return ValueTask.FromResult<EventWebhook?>(null);
    }

    public ValueTask<bool> RemoveAsync(string account, string id, CancellationToken cancellation) => ValueTask.FromResult(_webhooks.TryRemove((account, id), out _));

    public ValueTask<WebhookStanding> StandingAsync(EventWebhook webhook, CancellationToken cancellation) => ValueTask.FromResult(Standing);

    public ValueTask<string> TestAsync(EventWebhook webhook, CancellationToken cancellation)
    {
        _asked.Enqueue($"test {webhook.Id}");
        return ValueTask.FromResult(WebhookEvent.TestIdOf(MessageId.Create(time), webhook));
    }

    /// <summary>Too much waits for a replay.</summary>
    public WebhookCrowd? Crowd { get; set; }

    public ValueTask<WebhookReplay?> ReplayAsync(EventWebhook webhook, MessageId message, CancellationToken cancellation)
    {
        if (Kept.GetValueOrDefault(message) != webhook.Account)
        {
            return ValueTask.FromResult<WebhookReplay?>(null);
        }

        _asked.Enqueue($"replay {webhook.Id} {message}");
        return ValueTask.FromResult<WebhookReplay?>(new WebhookReplay(Crowd is null ? 1 : 0, null) { Crowd = Crowd });
    }

    public ValueTask<WebhookReplay> ReplayAsync(EventWebhook webhook, DateTimeOffset since, DateTimeOffset until, int most, CancellationToken cancellation)
    {
        _asked.Enqueue($"replay {webhook.Id} {since:O} {until:O}");
        return ValueTask.FromResult(Crowd is { } crowd ? new WebhookReplay(0, since) { Crowd = crowd } : new WebhookReplay(Kept.Count(kept => kept.Value == webhook.Account && kept.Key.CreatedAt >= since && kept.Key.CreatedAt <= until), null));
    }
}
