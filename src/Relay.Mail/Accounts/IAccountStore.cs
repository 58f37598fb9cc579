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

    ValueTask<IReadOnlyList<SendingDomain>> ListDomainsAsync(string account, CancellationToken cancellation);

    ValueTask RemoveDomainAsync(string account, string name, CancellationToken cancellation);
}

/// <summary>A domain that an account sends as, once it has proved that it may.</summary>
/// <param name="Name">Lower case, A-labels.</param>
/// <param name="OwnershipToken">What the ownership TXT record must hold.</param>
public sealed record SendingDomain(
    string Id,
    string Account,
    string Name,
    string OwnershipToken,
    SendingDomainStatus Status,
    DateTimeOffset CreatedAt,
    DateTimeOffset? CheckedAt);

public enum SendingDomainStatus
{
    Pending,
    Verified,
    Failing,
}
