using Relay.Redis.Connections;
using StackExchange.Redis;

namespace Relay.Redis.Durability;

/// <summary>What the servers of a store say of themselves.</summary>
internal sealed record StoreFacts(StoreShape Shape, IReadOnlyList<ServerFacts> Primaries)
{
    /// <summary>What was answered may be gone after an accident; true where it cannot be told.</summary>
    public bool CanGoBack => Shape != StoreShape.Single || Primaries.Any(server => server.Replicas > 0 || server.Setting("appendfsync") != "always");

    /// <exception cref="RedisException">A server does not answer, or not yet.</exception>
    public static async Task<StoreFacts> ReadAsync(StoreConnections connections) =>
        new(connections.Shape, await Task.WhenAll(connections.Primaries().Select(ServerFacts.ReadAsync)));
}

internal enum StoreShape
{
    Single,
    Sentinel,
    Cluster,
}

internal sealed record ServerFacts
{
    // From this version on WAITAOF is there; the versions between the other two answer it too early (redis/redis 13793).
    private static readonly Version WaitsForDisk = new(7, 2);
    private static readonly Version WaitsTooShort = new(7, 4, 0);
    private static readonly Version WaitsAgain = new(7, 4, 3);

    public required Version Version { get; init; }

    /// <summary>Null when the server does not let them be read.</summary>
    public IReadOnlyDictionary<string, string>? Settings { get; init; }

    /// <summary>Replicas connected now.</summary>
    public int Replicas { get; init; }

    public bool HasWaitBug => Version >= WaitsTooShort && Version < WaitsAgain;

    /// <summary>The server can say that its file is flushed up to a write.</summary>
    public bool CanWaitForDisk => Version >= WaitsForDisk && !HasWaitBug;

    public string Setting(string name, string otherwise = "no") => Settings?.GetValueOrDefault(name) ?? otherwise;

    public static async Task<ServerFacts> ReadAsync(IServer server) => new()
    {
        Version = server.Version,
        Settings = await SettingsAsync(server),
        Replicas = await ReplicasAsync(server),
    };

    private static async Task<IReadOnlyDictionary<string, string>?> SettingsAsync(IServer server)
    {
        try
        {
            return (await server.ConfigGetAsync("*")).ToDictionary(s => s.Key, s => s.Value, StringComparer.OrdinalIgnoreCase);
        }
        catch (Exception e) when (IsForbidden(e))
        {
            return null;
        }
    }

    private static async Task<int> ReplicasAsync(IServer server)
    {
        try
        {
            var fields = (await server.InfoAsync("replication")).SelectMany(section => section);
            return int.Parse(fields.FirstOrDefault(f => f.Key == "connected_slaves").Value ?? "0", System.Globalization.CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (IsForbidden(e))
        {
            return 0;
        }
    }

    // Taken away by the server's own configuration, by an access rule, or by the connection string. A server that is loading
    // or busy says no as well, but only for now.
    private static bool IsForbidden(Exception exception) => exception switch
    {
        RedisServerException { Kind: RedisErrorKind.UnknownCommand or RedisErrorKind.NoPermission or RedisErrorKind.NotPermitted or RedisErrorKind.UnknownError } => true,
        RedisCommandException => true,
        _ => false,
    };
}
