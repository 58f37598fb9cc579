using Relay.Mail.Accounts;
using Relay.Mail.Webhooks;
using Relay.Redis.Accounts;
using Relay.Redis.Connections;
using Relay.Redis.Keys;
using Relay.Redis.Records;
using StackExchange.Redis;

namespace Relay.Redis.Webhooks;

/// <summary>Webhooks as documents in a hash of their account, and the accounts that have any in a set, so that all can be found.</summary>
internal sealed class RedisWebhookStore(Store store, Documents documents, AccountChanges changes) : IWebhookStore
{
    private IDatabase Database => store.Connections.Reading;

    // From the primary: a lane whose webhook a replica does not know yet would be taken for one of a webhook that is gone.
    public ValueTask<EventWebhook?> FindAsync(string account, string id, CancellationToken cancellation) =>
        documents.FindAsync(StoreKeys.Webhooks(account), id, RecordJson.Default.EventWebhook, cancellation, StoreConnections.FromPrimary);

    public async ValueTask<IReadOnlyList<EventWebhook>> ListAsync(string account, CancellationToken cancellation) =>
        [.. (await documents.ListAsync(StoreKeys.Webhooks(account), RecordJson.Default.EventWebhook, cancellation, StoreConnections.FromPrimary)).OrderBy(webhook => webhook.CreatedAt)];

    public async ValueTask AddAsync(EventWebhook webhook, CancellationToken cancellation)
    {
        // First, so that no webhook stands where nobody looks.
        await StoreFailure.TranslateAsync(Database.SetAddAsync(StoreKeys.WebhookAccounts, webhook.Account), cancellation);
        await documents.PutAsync(StoreKeys.Webhooks(webhook.Account), webhook.Id, webhook, RecordJson.Default.EventWebhook, cancellation);
        await changes.TellAsync(AccountPart.Webhooks, cancellation);
    }

    public async ValueTask<EventWebhook?> ChangeAsync(string account, string id, Func<EventWebhook, EventWebhook> change, CancellationToken cancellation)
    {
        var changed = await documents.ChangeAsync(StoreKeys.Webhooks(account), id, change, RecordJson.Default.EventWebhook, cancellation);
        if (changed is not null)
        {
            await changes.TellAsync(AccountPart.Webhooks, cancellation);
        }

        return changed;
    }

    public async ValueTask<bool> RemoveAsync(string account, string id, CancellationToken cancellation)
    {
        var removed = await StoreFailure.TranslateAsync(Database.HashDeleteAsync(StoreKeys.Webhooks(account), id), cancellation);
        if (removed)
        {
            await changes.TellAsync(AccountPart.Webhooks, cancellation);
        }

        return removed;
    }

    /// <summary>Those of all accounts.</summary>
    public async ValueTask<IReadOnlyList<EventWebhook>> ListAllAsync(CancellationToken cancellation)
    {
        var accounts = await StoreFailure.TranslateAsync(Database.SetMembersAsync(StoreKeys.WebhookAccounts, StoreConnections.FromPrimary), cancellation);
        var all = await Task.WhenAll(accounts.Select(account => ListAsync(account.ToString(), cancellation).AsTask()));
        return [.. all.SelectMany(webhooks => webhooks)];
    }
}
