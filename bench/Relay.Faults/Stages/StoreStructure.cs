using Relay.Faults.Checking;
using Relay.Faults.Stores;
using StackExchange.Redis;

namespace Relay.Faults.Stages;

/// <summary>
/// I7, the part that the store shows: when nothing waits, no record, unit, lane entry or lease of work is left, chunks that
/// nobody accepted vanish by themselves, and nothing was set aside.
/// </summary>
internal sealed class StoreStructure(IOutsideStore? store)
{
    public async Task<IReadOnlyList<Finding>> LookAsync(CancellationToken cancellation)
    {
        if (store is null)
        {
            return [];
        }

        var findings = new List<Finding>();
        await using var connection = await ConnectionMultiplexer.ConnectAsync(store.ConnectionString);
        var database = connection.GetDatabase();
        foreach (var server in connection.GetServers().Where(s => s.IsConnected && !s.IsReplica))
        {
            await foreach (var key in server.KeysAsync(pattern: "relay:*", pageSize: 1000).WithCancellation(cancellation))
            {
                if (await WordsAsync(database, key) is { } words)
                {
                    findings.Add(new Finding("I7", key.ToString(), words));
                }
            }
        }

        return findings;
    }

    // relay:{tag}:part
    private static async Task<string?> WordsAsync(IDatabase database, RedisKey key)
    {
        var name = key.ToString();
        var part = name[(name.IndexOf("}:", StringComparison.Ordinal) is var tag and >= 0 ? tag + 2 : 0)..];
        return part.StartsWith("m:", StringComparison.Ordinal) && part.Contains('/', StringComparison.Ordinal)
                ? await database.KeyTimeToLiveAsync(key) is null ? "a chunk without a message, and without an end" : null
            : part.StartsWith("m:", StringComparison.Ordinal) ? "a record, though nothing waits"
            : part.StartsWith("u:", StringComparison.Ordinal) ? "the state of a unit, though nothing waits"
            : part.StartsWith("open:", StringComparison.Ordinal) ? "open units of a message, though nothing waits"
            : part.StartsWith("lane:", StringComparison.Ordinal) ? "a lane that is not empty, though nothing waits"
            : part == "unreadable" ? "an entry was set aside as unreadable"
            : null;
    }
}
