using System.Collections.Frozen;
using Microsoft.Extensions.Logging;
using Relay.Mail.Accounts;
using Relay.Mail.Queue;
using Relay.Mail.Webhooks;
using Relay.Redis.Accounts;
using Relay.Redis.Connections;
using Relay.Redis.Queue;

namespace Relay.Redis.Webhooks;

/// <summary>All webhooks, in memory, so that a projecting step knows without a question whom an event is for. Read again whenever one was changed.</summary>
internal sealed class WebhookDirectory
{
    // A store that refuses is not asked more often than a step that waits for it asks.
    private static readonly TimeSpan Refused = TimeSpan.FromSeconds(2);

    private readonly RedisWebhookStore _webhooks;
    private readonly TimeProvider _time;
    private readonly ILogger<WebhookDirectory> _logger;
    private readonly Pulse _told = new();
    private volatile Known _known = new([]);

    public WebhookDirectory(RedisWebhookStore webhooks, AccountChanges changes, TimeProvider time, ILogger<WebhookDirectory> logger)
    {
        (_webhooks, _time, _logger) = (webhooks, time, logger);
        changes.Changed += part =>
        {
            if (part == AccountPart.Webhooks)
            {
                _told.Beat();
            }
        };
    }

    /// <summary>It was read again. Handlers must not block.</summary>
    public event Action? Changed;

    public bool IsEmpty => _known.ByAccount.Count == 0;

    public IReadOnlyList<EventWebhook> Of(string account) => _known.ByAccount.GetValueOrDefault(account) ?? [];

    /// <param name="name">As in <see cref="NameOf"/>.</param>
    public EventWebhook? Find(string name) => _known.ByName.GetValueOrDefault(name);

    /// <summary>How a partition's keys name a webhook.</summary>
    public static string NameOf(EventWebhook webhook) => $"{webhook.Account}|{webhook.Id}";

    public static (string Account, string Id) PartsOf(string name) =>
        name.LastIndexOf('|') is >= 0 and var bar ? (name[..bar], name[(bar + 1)..]) : ("", name);

    public async ValueTask ReadAsync(CancellationToken cancellation)
    {
        _known = new Known(await _webhooks.ListAllAsync(cancellation));
        Changed?.Invoke();
    }

    public async Task RunAsync(CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            var told = _told.Next;
            try
            {
                await ReadAsync(cancellation);
                await told.WaitAsync(cancellation);
            }
            catch (Exception e) when (StoreFailure.Covers(e) || e is StoreUnavailableException)
            {
                // What was known before counts on.
                _logger.WebhooksUnread(StoreFailure.Of(e).Reason);
                await Task.Delay(Refused, _time, cancellation);
            }
        }
    }

    private sealed class Known(IReadOnlyList<EventWebhook> webhooks)
    {
        public FrozenDictionary<string, EventWebhook[]> ByAccount { get; } =
            webhooks.GroupBy(webhook => webhook.Account, StringComparer.Ordinal).ToFrozenDictionary(account => account.Key, account => account.ToArray(), StringComparer.Ordinal);

        public FrozenDictionary<string, EventWebhook> ByName { get; } = webhooks.ToFrozenDictionary(NameOf, StringComparer.Ordinal);
    }
}
