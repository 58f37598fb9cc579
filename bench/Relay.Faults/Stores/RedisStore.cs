using Relay.TestKit.Redis;

namespace Relay.Faults.Stores;

/// <summary>One redis-server.</summary>
internal sealed class RedisStore(RedisServer server) : IOutsideStore
{
    public RedisServer Server => server;

    public string ConnectionString => server.ConnectionString;

    /// <param name="folder">Where it keeps its files; null is a temporary folder.</param>
    public static async Task<RedisStore> StartAsync(StoreKind kind, string? folder, CancellationToken cancellation, params string[] settings)
    {
        string[] there = folder is null ? [] : ["--dir", folder];
        return new RedisStore(await RedisServer.StartAsync(cancellation, kind == StoreKind.RedisEverySec ? "everysec" : "always", [.. there, .. settings]));
    }

    public Task KillAsync() => server.KillAsync();

    public Task StartAgainAsync(CancellationToken cancellation) => server.StartAgainAsync(cancellation);

    public void Pause() => server.Pause();

    public void Continue() => server.Continue();

    public ValueTask DisposeAsync() => server.DisposeAsync();
}
