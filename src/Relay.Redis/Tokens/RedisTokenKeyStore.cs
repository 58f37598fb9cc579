using System.Text.Json;
using Relay.Mail.Tokens;
using Relay.Redis.Accounts;
using Relay.Redis.Connections;
using Relay.Redis.Keys;
using Relay.Redis.Records;
using StackExchange.Redis;

namespace Relay.Redis.Tokens;

/// <summary>The keys of tokens in one hash by number; a number is given once.</summary>
internal sealed class RedisTokenKeyStore(Store store, BrokenDocuments broken) : ITokenKeyStore
{
    private IDatabase Database => store.Connections.Reading;

    public async ValueTask<IReadOnlyList<KeptTokenKey>> ListAsync(CancellationToken cancellation)
    {
        // From the primary: what another node has just made must not be made again.
        var kept = await StoreFailure.TranslateAsync(Database.HashGetAllAsync(StoreKeys.Tokens, StoreConnections.FromPrimary), cancellation);
        return [.. kept.Select(Read)];
    }

    public async ValueTask<bool> TryAddAsync(KeptTokenKey key, CancellationToken cancellation)
    {
        var document = JsonSerializer.SerializeToUtf8Bytes(key, RecordJson.Default.KeptTokenKey);
        return await StoreFailure.TranslateAsync(Database.HashSetAsync(StoreKeys.Tokens, key.Number, document, When.NotExists), cancellation);
    }

    // It is known by its number alone then: what it signed is put off, and not refused as nobody's.
    private KeptTokenKey Read(HashEntry entry)
    {
        try
        {
            return JsonSerializer.Deserialize(((ReadOnlyMemory<byte>)entry.Value).Span, RecordJson.Default.KeptTokenKey) ?? throw new JsonException("it is null");
        }
        catch (JsonException e)
        {
            broken.Add(StoreKeys.Tokens, entry.Name, entry.Value, e.Message);
            return new KeptTokenKey((int)entry.Name, [], default);
        }
    }
}
