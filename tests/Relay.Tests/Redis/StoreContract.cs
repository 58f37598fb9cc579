using Relay.TestKit.Redis;

namespace Relay.Tests.Redis;

/// <summary>What every store of one kind keeps, in memory, embedded or in Redis: each contract derives from it, and each store from the contract.</summary>
public abstract class StoreContract<TStore> : IAsyncLifetime
    where TStore : class
{
    protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    protected TStore Store { get; private set; } = null!;

    /// <summary>All of a relay's stores, where this is one of them.</summary>
    private protected StoreUnderTest? Under { get; private set; }

    private protected RedisServer? Redis { get; private set; }

    public async ValueTask InitializeAsync() => Store = await OpenAsync();

    public async ValueTask DisposeAsync()
    {
        await (Under?.DisposeAsync() ?? ValueTask.CompletedTask);
        await (Redis?.DisposeAsync() ?? ValueTask.CompletedTask);
        GC.SuppressFinalize(this);
    }

    protected abstract ValueTask<TStore> OpenAsync();

    protected async ValueTask<TStore> OpenEmbeddedAsync() => StoreOf(await StartAsync(null));

    protected async ValueTask<TStore> OpenOnRedisAsync()
    {
        Redis = await RedisServer.StartAsync(Cancellation);
        return StoreOf(await StartAsync(Redis.ConnectionString));
    }

    private protected TStore StoreOf(StoreUnderTest under)
    {
        Under = under;
        return under.Get<TStore>();
    }

    private static Task<StoreUnderTest> StartAsync(string? redis) =>
        StoreUnderTest.StartAsync(redis, StoreUnderTest.NewFolder(), TimeProvider.System, Cancellation);
}
