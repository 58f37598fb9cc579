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
}

internal static class StoreKinds
{
    public static string WordOf(StoreKind kind) => kind switch
    {
        StoreKind.RedisEverySec => "redis-everysec",
        _ => kind.ToString().ToLowerInvariant(),
    };

    public static StoreKind Parse(string word) =>
        Enum.GetValues<StoreKind>().Cast<StoreKind?>().FirstOrDefault(k => WordOf(k!.Value) == word)
        ?? throw new FormatException($"'{word}' is not a store; there are {string.Join(", ", Enum.GetValues<StoreKind>().Select(WordOf))}");
}
