namespace Relay.Mail.Accounts;

/// <summary>Accounts, credentials and sending domains as they are kept. Every call may throw <see cref="Queue.StoreUnavailableException"/>.</summary>
public interface IAccountStore
{
    ValueTask<Account?> FindAccountAsync(string id, CancellationToken cancellation);

    /// <summary>False when an account with this id is there already.</summary>
    ValueTask<bool> TryAddAccountAsync(Account account, CancellationToken cancellation);

    ValueTask<IReadOnlyList<Account>> ListAccountsAsync(CancellationToken cancellation);

    /// <summary>The credential whose key has this SHA-256, revoked or not; null when there is none.</summary>
    ValueTask<Credential?> FindCredentialAsync(ReadOnlyMemory<byte> keyHash, CancellationToken cancellation);

    ValueTask PutCredentialAsync(Credential credential, CancellationToken cancellation);

    ValueTask<IReadOnlyList<Credential>> ListCredentialsAsync(string account, CancellationToken cancellation);

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
