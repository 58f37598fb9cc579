using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Relay.Redis.Keys;
using Relay.Redis.Records;
using Relay.Redis.Telemetry;
using StackExchange.Redis;

namespace Relay.Redis.Accounts;

/// <summary>
/// Documents outside of partitions that cannot be read. Each stays where it is, since its owner may still be mended by
/// putting it anew; a copy goes to the side, with an alert, once a process.
/// </summary>
internal sealed class BrokenDocuments(Store store, RedisMetrics metrics, TimeProvider time, ILogger<BrokenDocuments> logger)
{
    private readonly ConcurrentDictionary<(string Key, string Field), bool> _known = new();

    public void Add(RedisKey key, RedisValue field, RedisValue document, string reason)
    {
        if (!_known.TryAdd((key.ToString(), field.ToString()), true))
        {
            return;
        }

        metrics.SetAside();
        logger.UnreadableDocument(field.ToString(), key.ToString(), reason);
        var entry = new UnreadableDocument(key.ToString(), field.ToString(), Convert.ToBase64String(((ReadOnlyMemory<byte>)document).Span), reason, time.GetUtcNow());
        store.Connections.Background.ListRightPush(
            StoreKeys.Unreadable, JsonSerializer.SerializeToUtf8Bytes(entry, RecordJson.Default.UnreadableDocument), When.Always, CommandFlags.FireAndForget);
    }
}
