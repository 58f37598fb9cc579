using System.Collections.Concurrent;
using Relay.Mail.Accounts;
using Relay.Mail.Queue;

namespace Relay.TestKit.InMemory;

/// <summary>Accounts, credentials and domains in memory.</summary>
public sealed class InMemoryAccountStore : IAccountStore
{
    private readonly ConcurrentDictionary<string, Account> _accounts = new();
    private readonly ConcurrentDictionary<string, Credential> _credentials = new();
    private readonly ConcurrentDictionary<(string Account, string Name), SendingDomain> _domains = new();

    /// <summary>While set, every call throws it.</summary>
    public StoreUnavailableException? Refusal { get; set; }

    /// <summary>How often a credential was looked up: tells whether a cache in front works.</summary>
    public int CredentialLookups { get; private set; }

    public ValueTask<Account?> FindAccountAsync(string id, CancellationToken cancellation) =>
        Answer(() => _accounts.GetValueOrDefault(id), cancellation);

    public ValueTask<bool> TryAddAccountAsync(Account account, CancellationToken cancellation) =>
        Answer(() => _accounts.TryAdd(account.Id, account), cancellation);

    public ValueTask<IReadOnlyList<Account>> ListAccountsAsync(CancellationToken cancellation) =>
        Answer<IReadOnlyList<Account>>(() => [.. _accounts.Values.OrderBy(a => a.Id, StringComparer.Ordinal)], cancellation);

    public ValueTask<Credential?> FindCredentialAsync(ReadOnlyMemory<byte> keyHash, CancellationToken cancellation) =>
        Answer(
            () =>
            {
                CredentialLookups++;
                return _credentials.Values.FirstOrDefault(c => keyHash.Span.SequenceEqual(c.KeyHash));
            },
            cancellation);

    public async ValueTask PutCredentialAsync(Credential credential, CancellationToken cancellation) =>
        await Answer(() => _credentials[credential.Id] = credential, cancellation);

    public ValueTask<IReadOnlyList<Credential>> ListCredentialsAsync(string account, CancellationToken cancellation) =>
        Answer<IReadOnlyList<Credential>>(
            () => [.. _credentials.Values.Where(c => c.Account == account).OrderBy(c => c.Id, StringComparer.Ordinal)],
            cancellation);

    public ValueTask<SendingDomain?> FindDomainAsync(string account, string name, CancellationToken cancellation) =>
        Answer(() => _domains.GetValueOrDefault((account, name)), cancellation);

    public async ValueTask PutDomainAsync(SendingDomain domain, CancellationToken cancellation) =>
        await Answer(() => _domains[(domain.Account, domain.Name)] = domain, cancellation);

    public ValueTask<bool> TryAddDomainAsync(SendingDomain domain, CancellationToken cancellation) =>
        Answer(() => _domains.TryAdd((domain.Account, domain.Name), domain), cancellation);

    public ValueTask<SendingDomain?> ChangeDomainAsync(
        string account, string name, Func<SendingDomain, SendingDomain> change, CancellationToken cancellation) =>
        Answer(
            () =>
            {
                while (_domains.TryGetValue((account, name), out var known))
                {
                    var changed = change(known);
                    if (_domains.TryUpdate((account, name), changed, known))
                    {
                        return changed;
                    }
                }

                return null;
            },
            cancellation);

    public ValueTask<IReadOnlyList<SendingDomain>> ListDomainsAsync(string account, CancellationToken cancellation) =>
        Answer<IReadOnlyList<SendingDomain>>(
            () => [.. _domains.Values.Where(d => d.Account == account).OrderBy(d => d.Name, StringComparer.Ordinal)],
            cancellation);

    public async ValueTask RemoveDomainAsync(string account, string name, CancellationToken cancellation) =>
        await Answer(() => _domains.TryRemove((account, name), out _), cancellation);

    private ValueTask<T> Answer<T>(Func<T> answer, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        return Refusal is { } refusal ? throw refusal : ValueTask.FromResult(answer());
    }
}
