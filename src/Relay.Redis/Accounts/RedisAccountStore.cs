using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Relay.Mail.Accounts;
using Relay.Mail.Queue;
using Relay.Redis.Connections;
using Relay.Redis.Durability;
using Relay.Redis.Keys;
using Relay.Redis.Records;
using StackExchange.Redis;

namespace Relay.Redis.Accounts;

/// <summary>Accounts, credentials and domains as documents in hashes. Reads go to the store each time; whoever reads often keeps a short cache.</summary>
internal sealed class RedisAccountStore(Store store, BrokenDocuments broken) : IAccountStore
{
    // People and a schedule change a domain; so many of them at the same moment is no honest use.
    private const int MostAttempts = 20;

    private IDatabase Database => store.Connections.Reading;

    public ValueTask<Account?> FindAccountAsync(string id, CancellationToken cancellation) =>
        FindAsync(StoreKeys.Accounts, id, RecordJson.Default.Account, cancellation);

    public async ValueTask<bool> TryAddAccountAsync(Account account, CancellationToken cancellation)
    {
        var added = await StoreFailure.TranslateAsync(
            Database.HashSetAsync(StoreKeys.Accounts, account.Id, Write(account, RecordJson.Default.Account), When.NotExists), cancellation);
        return added;
    }

    public ValueTask<IReadOnlyList<Account>> ListAccountsAsync(CancellationToken cancellation) =>
        ListAsync(StoreKeys.Accounts, RecordJson.Default.Account, cancellation);

    public ValueTask<Credential?> FindCredentialAsync(ReadOnlyMemory<byte> keyHash, CancellationToken cancellation) =>
        FindAsync(StoreKeys.Credentials, Convert.ToHexStringLower(keyHash.Span), RecordJson.Default.Credential, cancellation);

    // Two hashes: if the second write fails the credential works and is only missing in lists; putting it again mends that.
    public async ValueTask PutCredentialAsync(Credential credential, CancellationToken cancellation)
    {
        var hash = Convert.ToHexStringLower(credential.KeyHash);
        await PutAsync(StoreKeys.Credentials, hash, credential, RecordJson.Default.Credential, cancellation);
        await StoreFailure.TranslateAsync(Database.HashSetAsync(StoreKeys.AccountCredentials(credential.Account), credential.Id, hash), cancellation);
    }

    public async ValueTask<IReadOnlyList<Credential>> ListCredentialsAsync(string account, CancellationToken cancellation)
    {
        var hashes = await StoreFailure.TranslateAsync(Database.HashValuesAsync(StoreKeys.AccountCredentials(account)), cancellation);
        if (hashes.Length == 0)
        {
            return [];
        }

        var documents = await StoreFailure.TranslateAsync(Database.HashGetAsync(StoreKeys.Credentials, hashes), cancellation);
        return
        [
            .. hashes.Zip(documents)
                .Where(pair => !pair.Second.IsNull)
                .Select(pair => TryRead(StoreKeys.Credentials, pair.First, pair.Second, RecordJson.Default.Credential))
                .OfType<Credential>()
                .OrderBy(c => c.CreatedAt),
        ];
    }

    public ValueTask<SendingDomain?> FindDomainAsync(string account, string name, CancellationToken cancellation) =>
        FindAsync(StoreKeys.Domains(account), name, RecordJson.Default.SendingDomain, cancellation);

    public ValueTask PutDomainAsync(SendingDomain domain, CancellationToken cancellation) =>
        PutAsync(StoreKeys.Domains(domain.Account), domain.Name, domain, RecordJson.Default.SendingDomain, cancellation);

    public async ValueTask<bool> TryAddDomainAsync(SendingDomain domain, CancellationToken cancellation)
    {
        var added = await StoreFailure.TranslateAsync(
            Database.HashSetAsync(StoreKeys.Domains(domain.Account), domain.Name, Write(domain, RecordJson.Default.SendingDomain), When.NotExists), cancellation);
        return added;
    }

    // HGET, then on condition that the field still holds what was read: HSET. Another's change in between means once more.
    public async ValueTask<SendingDomain?> ChangeDomainAsync(
        string account, string name, Func<SendingDomain, SendingDomain> change, CancellationToken cancellation)
    {
        var hash = StoreKeys.Domains(account);
        for (var attempt = 0; attempt < MostAttempts; attempt++)
        {
            var known = await StoreFailure.TranslateAsync(Database.HashGetAsync(hash, name, StoreConnections.FromPrimary), cancellation);
            if (known.IsNull)
            {
                return null;
            }

            var changed = change(Read(hash, name, known, RecordJson.Default.SendingDomain));
            var step = store.Connections.Background.CreateTransaction();
            step.AddCondition(Condition.HashEqual(hash, name, known));
            _ = step.HashSetAsync(hash, name, Write(changed, RecordJson.Default.SendingDomain));
            if (await StoreFailure.TranslateAsync(step.ExecuteAsync(), cancellation))
            {
                return changed;
            }
        }

        throw new StoreUnavailableException($"the domain {name} is changed by others all the time");
    }

    public ValueTask<IReadOnlyList<SendingDomain>> ListDomainsAsync(string account, CancellationToken cancellation) =>
        ListAsync(StoreKeys.Domains(account), RecordJson.Default.SendingDomain, cancellation);

    public async ValueTask RemoveDomainAsync(string account, string name, CancellationToken cancellation)
    {
        await StoreFailure.TranslateAsync(Database.HashDeleteAsync(StoreKeys.Domains(account), name), cancellation);
    }

    private async ValueTask<T?> FindAsync<T>(RedisKey hash, string field, JsonTypeInfo<T> type, CancellationToken cancellation)
        where T : class
    {
        var document = await StoreFailure.TranslateAsync(Database.HashGetAsync(hash, field), cancellation);
        return document.IsNull ? null : Read(hash, field, document, type);
    }

    private async ValueTask<IReadOnlyList<T>> ListAsync<T>(RedisKey hash, JsonTypeInfo<T> type, CancellationToken cancellation)
        where T : class
    {
        var documents = await StoreFailure.TranslateAsync(Database.HashGetAllAsync(hash), cancellation);
        return [.. documents.OrderBy(d => (string?)d.Name, StringComparer.Ordinal).Select(d => TryRead(hash, d.Name, d.Value, type)).OfType<T>()];
    }

    private async ValueTask PutAsync<T>(RedisKey hash, string field, T value, JsonTypeInfo<T> type, CancellationToken cancellation)
    {
        await StoreFailure.TranslateAsync(Database.HashSetAsync(hash, field, Write(value, type)), cancellation);
    }

    private static byte[] Write<T>(T value, JsonTypeInfo<T> type) => JsonSerializer.SerializeToUtf8Bytes(value, type);

    private T Read<T>(RedisKey hash, RedisValue field, RedisValue document, JsonTypeInfo<T> type)
        where T : class =>
        TryRead(hash, field, document, type) ?? throw new StoreUnavailableException($"the document '{field}' of {hash} cannot be read");

    // Null when it is broken: a list shows the others, and whoever asked for this one is told to come back.
    private T? TryRead<T>(RedisKey hash, RedisValue field, RedisValue document, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(((ReadOnlyMemory<byte>)document).Span, type) ?? throw new JsonException("it is null");
        }
        catch (JsonException e)
        {
            broken.Add(hash, field, document, e.Message);
            return null;
        }
    }
}
