using System.Net.Sockets;
using Relay.Faults.Stores;
using Relay.TestKit.Relays;
using StackExchange.Redis;

namespace Relay.Faults.Stages;

/// <summary>A connection of the harness's own to whatever store a relay runs on, so that it sees for itself what stands there.</summary>
internal static class StoreEyes
{
    public static async Task<ConnectionMultiplexer> OpenAsync(IOutsideStore? store, RelayUnderTest relay) =>
        store is not null
            ? await ConnectionMultiplexer.ConnectAsync(store.ConnectionString)
            : await ConnectionMultiplexer.ConnectAsync(new ConfigurationOptions { EndPoints = { new UnixDomainSocketEndPoint(relay.StoreSocket) } });

    /// <summary>All keys of the relay, or those of a pattern, on whichever primary they stand.</summary>
    public static async IAsyncEnumerable<StoreKey> KeysAsync(
        ConnectionMultiplexer eyes, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation, string pattern = "relay:*")
    {
        foreach (var server in eyes.GetServers().Where(s => s.IsConnected && !s.IsReplica))
        {
            await foreach (var key in server.KeysAsync(pattern: pattern, pageSize: 1000).WithCancellation(cancellation))
            {
                yield return StoreKey.Of(key.ToString());
            }
        }
    }
}

/// <summary>The name of a key in its two halves, <c>relay:{tag}:</c> and what it is in its partition; the whole where it is in none.</summary>
internal readonly record struct StoreKey(string Name, string Partition, string Part)
{
    public static StoreKey Of(string name) =>
        name.IndexOf("}:", StringComparison.Ordinal) is var tag and >= 0
            ? new StoreKey(name, name[..(tag + 2)], name[(tag + 2)..])
            : new StoreKey(name, "", name);
}
