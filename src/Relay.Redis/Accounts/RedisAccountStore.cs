using Relay.Mail.Accounts;
using Relay.Redis.Connections;
using Relay.Redis.Keys;
using Relay.Redis.Records;
using StackExchange.Redis;

namespace Relay.Redis.Accounts;

/// <summary>Accounts, credentials and domains as documents in hashes. What is changed is written first, then told to all nodes.</summary>
internal sealed class RedisAccountStore(Store store, Documents documents, AccountChanges changes) : IAccountStore
{
    public event Action<AccountPart>? Changed
    {
        add => changes.Changed += value;
        remove => changes.Changed -= value;
    }

    private IDatabase Database => store.Connections.Reading;

    public ValueTask<Account?> FindAccountAsync(string id, CancellationToken cancellation) =>
        documents.FindAsync(StoreKeys.Accounts, id, RecordJson.Default.Account, cancellation);

    public async ValueTask<bool> TryAddAccountAsync(Account account, CancellationToken cancellation)
    {
        var added = await documents.TryAddAsync(StoreKeys.Accounts, account.Id, account, RecordJson.Default.Account, cancellation);
        if (added)
        {
            await changes.TellAsync(AccountPart.Accounts, cancellation);
        }

        return added;
    }

    public async ValueTask<Account?> ChangeAccountAsync(string id, Func<Account, Account> change, CancellationToken cancellation)
    {
        var changed = await documents.ChangeAsync(StoreKeys.Accounts, id, change, RecordJson.Default.Account, cancellation);
        await changes.TellAsync(AccountPart.Accounts, cancellation);
        return changed;
    }

    public ValueTask<IReadOnlyList<Account>> ListAccountsAsync(CancellationToken cancellation) =>
        documents.ListAsync(StoreKeys.Accounts, RecordJson.Default.Account, cancellation);

    // From the primary: a replica that lags may not know yet that a key was revoked.
    public ValueTask<Credential?> FindCredentialAsync(ReadOnlyMemory<byte> keyHash, CancellationToken cancellation) =>
        documents.FindAsync(StoreKeys.Credentials, Convert.ToHexStringLower(keyHash.Span), RecordJson.Default.Credential, cancellation, StoreConnections.FromPrimary);

    // Two hashes: if the second write fails the credential works and is only missing in lists; putting it again mends that.
    public async ValueTask PutCredentialAsync(Credential credential, CancellationToken cancellation)
    {
        var hash = Convert.ToHexStringLower(credential.KeyHash);
        await documents.PutAsync(StoreKeys.Credentials, hash, credential, RecordJson.Default.Credential, cancellation);
        await StoreFailure.TranslateAsync(Database.HashSetAsync(StoreKeys.AccountCredentials(credential.Account), credential.Id, hash), cancellation);
        await changes.TellAsync(AccountPart.Credentials, cancellation);
    }

    public async ValueTask<Credential?> ChangeCredentialAsync(
        string account, string id, Func<Credential, Credential> change, CancellationToken cancellation)
    {
        var hash = await StoreFailure.TranslateAsync(
            Database.HashGetAsync(StoreKeys.AccountCredentials(account), id, StoreConnections.FromPrimary), cancellation);
        if (hash.IsNull)
        {
            return null;
        }

        var changed = await documents.ChangeAsync(StoreKeys.Credentials, hash.ToString(), change, RecordJson.Default.Credential, cancellation);
        await changes.TellAsync(AccountPart.Credentials, cancellation);
        return changed;
    }

    public async ValueTask<IReadOnlyList<Credential>> ListCredentialsAsync(string account, CancellationToken cancellation)
    {
        var hashes = await StoreFailure.TranslateAsync(Database.HashValuesAsync(StoreKeys.AccountCredentials(account)), cancellation);
        return hashes.Length == 0
            ? []
            : [.. (await documents.ListAsync(StoreKeys.Credentials, hashes, RecordJson.Default.Credential, cancellation)).OrderBy(c => c.CreatedAt)];
    }

    public async ValueTask NoteUsesAsync(IReadOnlyCollection<CredentialUse> uses, CancellationToken cancellation)
    {
        foreach (var account in uses.GroupBy(use => use.Account))
        {
            HashEntry[] times = [.. account.Select(use => new HashEntry(use.Credential, use.Time.ToUnixTimeMilliseconds()))];
            await StoreFailure.TranslateAsync(NoteAsync(StoreKeys.CredentialUses(account.Key), times), cancellation);
        }
    }

    public async ValueTask<IReadOnlyDictionary<string, DateTimeOffset>> ListUsesAsync(string account, CancellationToken cancellation)
    {
        var times = await StoreFailure.TranslateAsync(Database.HashGetAllAsync(StoreKeys.CredentialUses(account)), cancellation);
        return times.ToDictionary(time => time.Name.ToString(), time => DateTimeOffset.FromUnixTimeMilliseconds((long)time.Value));
    }

    public ValueTask<SendingDomain?> FindDomainAsync(string account, string name, CancellationToken cancellation) =>
        documents.FindAsync(StoreKeys.Domains(account), name, RecordJson.Default.SendingDomain, cancellation);

    public async ValueTask PutDomainAsync(SendingDomain domain, CancellationToken cancellation)
    {
        await documents.PutAsync(StoreKeys.Domains(domain.Account), domain.Name, domain, RecordJson.Default.SendingDomain, cancellation);
        await changes.TellAsync(AccountPart.Domains, cancellation);
    }

    public async ValueTask<bool> TryAddDomainAsync(SendingDomain domain, CancellationToken cancellation)
    {
        var added = await documents.TryAddAsync(StoreKeys.Domains(domain.Account), domain.Name, domain, RecordJson.Default.SendingDomain, cancellation);
        if (added)
        {
            await changes.TellAsync(AccountPart.Domains, cancellation);
        }

        return added;
    }

    public async ValueTask<SendingDomain?> ChangeDomainAsync(
        string account, string name, Func<SendingDomain, SendingDomain> change, CancellationToken cancellation)
    {
        var changed = await documents.ChangeAsync(StoreKeys.Domains(account), name, change, RecordJson.Default.SendingDomain, cancellation);
        await changes.TellAsync(AccountPart.Domains, cancellation);
        return changed;
    }

    public ValueTask<IReadOnlyList<SendingDomain>> ListDomainsAsync(string account, CancellationToken cancellation) =>
        documents.ListAsync(StoreKeys.Domains(account), RecordJson.Default.SendingDomain, cancellation);

    public async ValueTask RemoveDomainAsync(string account, string name, CancellationToken cancellation)
    {
        await documents.RemoveAsync(StoreKeys.Domains(account), name, cancellation);
        await changes.TellAsync(AccountPart.Domains, cancellation);
    }

    private async Task<bool> NoteAsync(RedisKey hash, HashEntry[] times)
    {
        await Database.HashSetAsync(hash, times).InTimeAsync();
        return true;
    }
}
