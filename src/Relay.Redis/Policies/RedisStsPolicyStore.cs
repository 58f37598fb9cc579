using System.Text.Json;
using Relay.Mail.Policies;
using Relay.Redis.Connections;
using Relay.Redis.Keys;
using Relay.Redis.Records;

namespace Relay.Redis.Policies;

/// <summary>One document a domain, which vanishes by itself when it no longer holds.</summary>
internal sealed class RedisStsPolicyStore(Store store, TimeProvider time) : IStsPolicyStore
{
    public async ValueTask<KeptStsPolicy?> FindAsync(string domain, CancellationToken cancellation)
    {
        var document = await StoreFailure.TranslateAsync(store.Connections.Reading.StringGetAsync(StoreKeys.StsPolicy(domain)), cancellation);
        try
        {
            return document.IsNull ? null : JsonSerializer.Deserialize(((ReadOnlyMemory<byte>)document).Span, RecordJson.Default.KeptStsPolicy);
        }
        catch (JsonException)
        {
            // It is fetched anew and written over.
            return null;
        }
    }

    public async ValueTask KeepAsync(string domain, KeptStsPolicy policy, CancellationToken cancellation)
    {
        var life = policy.Until - time.GetUtcNow();
        if (life > TimeSpan.Zero)
        {
            var document = JsonSerializer.SerializeToUtf8Bytes(policy, RecordJson.Default.KeptStsPolicy);
            await StoreFailure.TranslateAsync(store.Connections.Bulk.StringSetAsync(StoreKeys.StsPolicy(domain), document, life), cancellation);
        }
    }
}
