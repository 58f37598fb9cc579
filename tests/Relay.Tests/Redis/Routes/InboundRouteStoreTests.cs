using Relay.Mail.Queue;
using Relay.Mail.Routes;
using Relay.Smtp.Addresses;
using Relay.TestKit.InMemory;
using Relay.TestKit.Redis;

namespace Relay.Tests.Redis.Routes;

public abstract class InboundRouteStoreContract : IAsyncLifetime
{
    protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    protected IInboundRouteStore Store { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Store = await OpenAsync();

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        GC.SuppressFinalize(this);
    }

    protected abstract ValueTask<IInboundRouteStore> OpenAsync();

    protected virtual ValueTask CloseAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task An_address_comes_before_its_domain_and_the_case_makes_no_difference()
    {
        await Store.TryAddAsync(Route("shop", "help.shop.test"), Cancellation);
        await Store.TryAddAsync(Route("shop", "bills@help.shop.test") with { ForwardTo = "books@elsewhere.test" }, Cancellation);

        Assert.Equal("books@elsewhere.test", (await FindAsync("Bills@Help.shop.test"))!.ForwardTo);
        Assert.Equal("help.shop.test", (await FindAsync("anybody@help.shop.test"))!.Match);
        Assert.Null(await FindAsync("anybody@below.help.shop.test"));
        Assert.Null(await FindAsync("anybody@shop.test"));
    }

    [Fact]
    public async Task There_is_one_route_for_each_and_no_account_takes_anothers()
    {
        var route = Route("shop", "help.shop.test") with { Webhook = new Uri("https://hooks.shop.test/x?y=1"), Secret = [1, 2, 3] };

        Assert.True(await Store.TryAddAsync(route, Cancellation));
        Assert.False(await Store.TryAddAsync(Route("other", "help.shop.test"), Cancellation));

        Assert.Equivalent(route, await Store.FindAsync("help.shop.test", Cancellation), strict: true);
        Assert.Empty(await Store.ListAsync("other", Cancellation));
        Assert.False(await Store.RemoveAsync("other", route.Id, Cancellation));
        Assert.Single(await Store.ListAsync("shop", Cancellation));
        Assert.True(await Store.RemoveAsync("shop", route.Id, Cancellation));
        Assert.False(await Store.RemoveAsync("shop", route.Id, Cancellation));
        Assert.Null(await Store.FindAsync("help.shop.test", Cancellation));
    }

    private ValueTask<InboundRoute?> FindAsync(string address) => Store.FindAsync(EnvelopeAddress.Parse(address), Cancellation);

    private static InboundRoute Route(string account, string match) =>
        new() { Id = $"route_{match}", Account = account, Match = match, CreatedAt = DateTimeOffset.UnixEpoch, By = "key_1" };
}

public sealed class InMemoryInboundRouteStoreTests : InboundRouteStoreContract
{
    protected override ValueTask<IInboundRouteStore> OpenAsync() => new(new InMemoryInboundRouteStore());
}

public sealed class EmbeddedInboundRouteStoreTests : InboundRouteStoreContract
{
    private StoreUnderTest? _store;

    protected override async ValueTask<IInboundRouteStore> OpenAsync()
    {
        _store = await StoreUnderTest.StartAsync(null, StoreUnderTest.NewFolder(), TimeProvider.System, Cancellation);
        return _store.Get<IInboundRouteStore>();
    }

    protected override ValueTask CloseAsync() => _store?.DisposeAsync() ?? ValueTask.CompletedTask;
}

public sealed class RedisInboundRouteStoreTests : InboundRouteStoreContract
{
    private RedisServer? _redis;
    private StoreUnderTest? _store;

    protected override async ValueTask<IInboundRouteStore> OpenAsync()
    {
        _redis = await RedisServer.StartAsync(Cancellation);
        _store = await StoreUnderTest.StartAsync(_redis.ConnectionString, StoreUnderTest.NewFolder(), TimeProvider.System, Cancellation);
        return _store.Get<IInboundRouteStore>();
    }

    protected override async ValueTask CloseAsync()
    {
        await (_store?.DisposeAsync() ?? ValueTask.CompletedTask);
        await (_redis?.DisposeAsync() ?? ValueTask.CompletedTask);
    }

    [Fact]
    public async Task One_that_cannot_be_read_is_not_taken_for_none()
    {
        await _store!.Connections.Reading.HashSetAsync("relay:routes", "help.shop.test", "{broken");

        await Assert.ThrowsAsync<StoreUnavailableException>(async () => await Store.FindAsync(EnvelopeAddress.Parse("a@help.shop.test"), Cancellation));
        Assert.Empty(await Store.ListAsync("shop", Cancellation));
    }
}
