namespace Relay.Mail.Accounts;

/// <summary>Accounts, credentials and sending domains as they are kept. Every call may throw <see cref="Queue.StoreUnavailableException"/>.</summary>
public interface IAccountStore
{
    /// <summary>
    /// Something was changed, on whatever node: heard within a second of the change, and also when it may have been and nobody
    /// can tell. Whoever remembers what they read forgets it. Handlers must not block.
    /// </summary>
    event Action<AccountPart>? Changed;

    ValueTask<Account?> FindAccountAsync(string id, CancellationToken cancellation);

    /// <summary>False when an account with this id is there already.</summary>
    ValueTask<bool> TryAddAccountAsync(Account account, CancellationToken cancellation);

    ValueTask<IReadOnlyList<Account>> ListAccountsAsync(CancellationToken cancellation);

    /// <summary>As <see cref="ChangeDomainAsync"/>.</summary>
    ValueTask<Account?> ChangeAccountAsync(string id, Func<Account, Account> change, CancellationToken cancellation);

    /// <summary>The credential whose key has this SHA-256, revoked or not; null when there is none.</summary>
    ValueTask<Credential?> FindCredentialAsync(ReadOnlyMemory<byte> keyHash, CancellationToken cancellation);

    ValueTask PutCredentialAsync(Credential credential, CancellationToken cancellation);

    /// <summary>As <see cref="ChangeDomainAsync"/>. Null also when it is another account's.</summary>
    ValueTask<Credential?> ChangeCredentialAsync(string account, string id, Func<Credential, Credential> change, CancellationToken cancellation);

    ValueTask<IReadOnlyList<Credential>> ListCredentialsAsync(string account, CancellationToken cancellation);

    /// <summary>Notes when credentials were last used. It is for people: it need not be durable, and nobody is told of it.</summary>
    ValueTask NoteUsesAsync(IReadOnlyCollection<CredentialUse> uses, CancellationToken cancellation);

    /// <summary>When each of an account's credentials was last used, by id, as far as it was.</summary>
    ValueTask<IReadOnlyDictionary<string, DateTimeOffset>> ListUsesAsync(string account, CancellationToken cancellation);

    ValueTask<SendingDomain?> FindDomainAsync(string account, string name, CancellationToken cancellation);

    ValueTask PutDomainAsync(SendingDomain domain, CancellationToken cancellation);

    /// <summary>False when the account has a domain of this name already.</summary>
    ValueTask<bool> TryAddDomainAsync(SendingDomain domain, CancellationToken cancellation);

    /// <summary>
    /// Changes a domain as it stands in the store at that moment. Where another changes it at the same time,
    /// <paramref name="change"/> runs again on what the other left, so that neither is lost.
    /// </summary>
    /// <returns>The domain as changed; null when there is none.</returns>
    ValueTask<SendingDomain?> ChangeDomainAsync(string account, string name, Func<SendingDomain, SendingDomain> change, CancellationToken cancellation);

    ValueTask<IReadOnlyList<SendingDomain>> ListDomainsAsync(string account, CancellationToken cancellation);

    ValueTask RemoveDomainAsync(string account, string name, CancellationToken cancellation);
}

/// <summary>What of the accounts was changed.</summary>
public enum AccountPart
{
    Accounts,
    Credentials,
    Domains,
    Senders,
    Templates,
    Webhooks,
}

/// <param name="Credential">By its id.</param>
public sealed record CredentialUse(string Account, string Credential, DateTimeOffset Time);
