namespace Relay.Mail.Webhooks;

/// <summary>Keeps the webhooks of all accounts. What is changed counts on every node within a second.</summary>
/// <exception cref="Queue.StoreUnavailableException">From every method: the store does not answer.</exception>
public interface IWebhookStore
{
    /// <summary>Null also when it is another account's.</summary>
    ValueTask<EventWebhook?> FindAsync(string account, string id, CancellationToken cancellation);

    /// <summary>An account's webhooks, the oldest first.</summary>
    ValueTask<IReadOnlyList<EventWebhook>> ListAsync(string account, CancellationToken cancellation);

    ValueTask AddAsync(EventWebhook webhook, CancellationToken cancellation);

    /// <summary>
    /// Changes it as it stands in the store at that moment; where another changes it at the same time, <paramref name="change"/>
    /// runs again on what the other left. Null when there is none.
    /// </summary>
    ValueTask<EventWebhook?> ChangeAsync(string account, string id, Func<EventWebhook, EventWebhook> change, CancellationToken cancellation);

    /// <summary>What waits for it is forgotten soon after. False when the account has no such webhook.</summary>
    ValueTask<bool> RemoveAsync(string account, string id, CancellationToken cancellation);
}
