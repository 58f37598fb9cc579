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

    /// <summary>What it has so far outlives a power cut, however it flushes otherwise.</summary>
    public async Task FlushAsync(CancellationToken cancellation)
    {
        var usual = (await server.AskAsync(cancellation, "CONFIG", "GET", "appendfsync")).Split('\n')[^1].Trim();
        await server.AskAsync(cancellation, "CONFIG", "SET", "appendfsync", "always");
        await server.AskAsync(cancellation, "SET", "flushed", "1", "PX", "1");
        await server.AskAsync(cancellation, "CONFIG", "SET", "appendfsync", usual);
    }

    public ValueTask DisposeAsync() => server.DisposeAsync();
}
