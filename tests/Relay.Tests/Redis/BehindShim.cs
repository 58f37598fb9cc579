using Relay.TestKit.Redis;

namespace Relay.Tests.Redis;

/// <summary>Facts about a store that reaches its redis-server through a <see cref="RedisShim"/>, so that single commands can be answered in another way.</summary>
public abstract class BehindShim : IAsyncLifetime
{
    private protected static readonly TimeProvider Time = TimeProvider.System;
    private readonly (string Name, string Value)[] _settings;

    private protected BehindShim(params (string Name, string Value)[] settings) => _settings = settings;

    private protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private protected RedisServer Redis { get; private set; } = null!;

    private protected RedisShim Shim { get; private set; } = null!;

    private protected StoreUnderTest Store { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Redis = await RedisServer.StartAsync(Cancellation);
        Shim = new RedisShim(Redis);
        Store = await StoreUnderTest.StartAsync(Shim.ConnectionString, StoreUnderTest.NewFolder(), Time, Cancellation, _settings);
    }

    public async ValueTask DisposeAsync()
    {
        await Store.DisposeAsync();
        await Shim.DisposeAsync();
        await Redis.DisposeAsync();
        GC.SuppressFinalize(this);
    }
}
