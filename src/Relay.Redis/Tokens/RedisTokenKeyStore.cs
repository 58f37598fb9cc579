using System.Text.Json;
using Relay.Mail.Queue;
using Relay.Mail.Tokens;
using Relay.Redis.Connections;
using Relay.Redis.Keys;
using Relay.Redis.Records;
using StackExchange.Redis;

namespace Relay.Redis.Tokens;

/// <summary>The keys of tokens in one hash by number; a number is given once.</summary>
internal sealed class RedisTokenKeyStore(Store store) : ITokenKeyStore
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

    // To go on without one of them would refuse every answer to mail that it signed.
    private static KeptTokenKey Read(HashEntry entry)
    {
        try
        {
            return JsonSerializer.Deserialize(((ReadOnlyMemory<byte>)entry.Value).Span, RecordJson.Default.KeptTokenKey) ?? throw new JsonException("it is null");
        }
        catch (JsonException e)
        {
            throw new StoreUnavailableException($"the key {entry.Name} of {StoreKeys.Tokens} cannot be read: {e.Message}");
        }
    }
}
