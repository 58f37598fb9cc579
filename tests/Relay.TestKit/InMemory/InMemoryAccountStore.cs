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
    private readonly ConcurrentDictionary<(string Account, string Credential), DateTimeOffset> _uses = new();

    public event Action<AccountPart>? Changed;

    /// <summary>While set, every call throws it.</summary>
    public StoreUnavailableException? Refusal { get; set; }

    /// <summary>While set, nobody hears of changes.</summary>
    public bool IsUnheard { get; set; }

    /// <summary>How often a credential was looked up: tells whether a cache in front works.</summary>
    public int CredentialLookups { get; private set; }

    public ValueTask<Account?> FindAccountAsync(string id, CancellationToken cancellation) =>
        Answer(() => _accounts.GetValueOrDefault(id), cancellation);

    public ValueTask<bool> TryAddAccountAsync(Account account, CancellationToken cancellation) =>
        Change(AccountPart.Accounts, () => _accounts.TryAdd(account.Id, account), cancellation);

    public ValueTask<Account?> ChangeAccountAsync(string id, Func<Account, Account> change, CancellationToken cancellation) =>
        Change(AccountPart.Accounts, () => ChangeIn(_accounts, id, change), cancellation);

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
        await Change(AccountPart.Credentials, () => _credentials[credential.Id] = credential, cancellation);

    public ValueTask<Credential?> ChangeCredentialAsync(
        string account, string id, Func<Credential, Credential> change, CancellationToken cancellation) =>
        Change(
            AccountPart.Credentials,
            () => _credentials.TryGetValue(id, out var known) && known.Account == account ? ChangeIn(_credentials, id, change) : null,
            cancellation);

    public async ValueTask NoteUsesAsync(IReadOnlyCollection<CredentialUse> uses, CancellationToken cancellation)
    {
        foreach (var use in uses)
        {
            await Answer(() => _uses[(use.Account, use.Credential)] = use.Time, cancellation);
        }
    }

    public ValueTask<IReadOnlyDictionary<string, DateTimeOffset>> ListUsesAsync(string account, CancellationToken cancellation) =>
        Answer<IReadOnlyDictionary<string, DateTimeOffset>>(
            () => _uses.Where(use => use.Key.Account == account).ToDictionary(use => use.Key.Credential, use => use.Value), cancellation);

    public ValueTask<IReadOnlyList<Credential>> ListCredentialsAsync(string account, CancellationToken cancellation) =>
        Answer<IReadOnlyList<Credential>>(
            () => [.. _credentials.Values.Where(c => c.Account == account).OrderBy(c => c.Id, StringComparer.Ordinal)],
            cancellation);

    public ValueTask<SendingDomain?> FindDomainAsync(string account, string name, CancellationToken cancellation) =>
        Answer(() => _domains.GetValueOrDefault((account, name)), cancellation);

    public async ValueTask PutDomainAsync(SendingDomain domain, CancellationToken cancellation) =>
        await Change(AccountPart.Domains, () => _domains[(domain.Account, domain.Name)] = domain, cancellation);

    public ValueTask<bool> TryAddDomainAsync(SendingDomain domain, CancellationToken cancellation) =>
        Change(AccountPart.Domains, () => _domains.TryAdd((domain.Account, domain.Name), domain), cancellation);

    public ValueTask<SendingDomain?> ChangeDomainAsync(
        string account, string name, Func<SendingDomain, SendingDomain> change, CancellationToken cancellation) =>
        Change(AccountPart.Domains, () => ChangeIn(_domains, (account, name), change), cancellation);

    public ValueTask<IReadOnlyList<SendingDomain>> ListDomainsAsync(string account, CancellationToken cancellation) =>
        Answer<IReadOnlyList<SendingDomain>>(
            () => [.. _domains.Values.Where(d => d.Account == account).OrderBy(d => d.Name, StringComparer.Ordinal)],
            cancellation);

    public async ValueTask RemoveDomainAsync(string account, string name, CancellationToken cancellation) =>
        await Change(AccountPart.Domains, () => _domains.TryRemove((account, name), out _), cancellation);

    private async ValueTask<T> Change<T>(AccountPart part, Func<T> change, CancellationToken cancellation)
    {
        var changed = await Answer(change, cancellation);
        if (!IsUnheard)
        {
            Changed?.Invoke(part);
        }

        return changed;
    }

    private static T? ChangeIn<TKey, T>(ConcurrentDictionary<TKey, T> among, TKey key, Func<T, T> change)
        where TKey : notnull
        where T : class
    {
        while (among.TryGetValue(key, out var known))
        {
            var changed = change(known);
            if (among.TryUpdate(key, changed, known))
            {
                return changed;
            }
        }

        return null;
    }

    private ValueTask<T> Answer<T>(Func<T> answer, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        return Refusal is { } refusal ? throw refusal : ValueTask.FromResult(answer());
    }
}
