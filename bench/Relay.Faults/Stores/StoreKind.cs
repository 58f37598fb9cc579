namespace Relay.Faults.Stores;

/// <summary>What the relays of a run keep their mail in.</summary>
internal enum StoreKind
{
    /// <summary>One redis-server, <c>appendfsync always</c>: power-safe.</summary>
    Redis,

    /// <summary>One redis-server, <c>appendfsync everysec</c>: crash-safe.</summary>
    RedisEverySec,

    /// <summary>The store inside the relay's process: power-safe.</summary>
    Embedded,

    /// <summary>A primary and its replica, watched by sentinels.</summary>
    Sentinel,

    /// <summary>The same, and an accept waits for the replica.</summary>
    SentinelWait,

    /// <summary>Three primaries with a replica each.</summary>
    Cluster,

    /// <summary>The same, and an accept waits for the replica.</summary>
    ClusterWait,
}

internal static class StoreKinds
{
    public static string WordOf(StoreKind kind) => kind switch
    {
        StoreKind.RedisEverySec => "redis-everysec",
        StoreKind.SentinelWait => "sentinel-wait",
        StoreKind.ClusterWait => "cluster-wait",
        _ => kind.ToString().ToLowerInvariant(),
    };

    public static StoreKind Parse(string word) =>
        Enum.GetValues<StoreKind>().Cast<StoreKind?>().FirstOrDefault(k => WordOf(k!.Value) == word)
        ?? throw new FormatException($"'{word}' is not a store; there are {string.Join(", ", Enum.GetValues<StoreKind>().Select(WordOf))}");
}
