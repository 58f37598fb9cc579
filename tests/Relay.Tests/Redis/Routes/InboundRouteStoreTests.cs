using Relay.Mail.Queue;
using Relay.Mail.Routes;
using Relay.Smtp.Addresses;
using Relay.TestKit.InMemory;

namespace Relay.Tests.Redis.Routes;

public abstract class InboundRouteStoreContract : StoreContract<IInboundRouteStore>
{
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

    [Fact]
    public async Task Of_several_accounts_that_take_the_place_of_one_that_lost_it_one_does()
    {
        var former = Route("gone", "help.shop.test");
        await Store.TryAddAsync(former, Cancellation);
        await Store.TryAddAsync(Route("shop", "other.shop.test"), Cancellation);
        var wanting = Enumerable.Range(0, 8).Select(i => Route($"account{i}", "help.shop.test") with { Id = $"route_{i}" }).ToList();

        var results = await Task.WhenAll(wanting.Select(route => Store.TryReplaceAsync(former, route, Cancellation).AsTask()));

        var there = await Store.FindAsync("help.shop.test", Cancellation);
        Assert.Equal(there!.Id, Assert.Single(wanting.Zip(results), pair => pair.Second).First.Id);
        Assert.False(await Store.TryReplaceAsync(former, former, Cancellation));
        Assert.False(await Store.TryReplaceAsync(Route("nobody", "none.shop.test"), wanting[0], Cancellation));
        Assert.Empty(await Store.ListAsync("gone", Cancellation));
    }

    [Fact]
    public async Task Who_removes_a_route_never_removes_the_one_that_took_its_place()
    {
        for (var round = 0; round < 20; round++)
        {
            var (former, next) = (Route("gone", $"help{round}.shop.test"), Route("shop", $"help{round}.shop.test") with { Id = $"route_next{round}" });
            await Store.TryAddAsync(former, Cancellation);

            var results = await Task.WhenAll(
                Task.Run(() => Store.RemoveAsync("gone", former.Id, Cancellation).AsTask(), Cancellation),
                Task.Run(() => Store.TryReplaceAsync(former, next, Cancellation).AsTask(), Cancellation));

            Assert.Single(results, done => done);
            Assert.Equal(results[1] ? next.Id : null, (await Store.FindAsync(next.Match, Cancellation))?.Id);
        }
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
    protected override ValueTask<IInboundRouteStore> OpenAsync() => OpenEmbeddedAsync();
}

public sealed class RedisInboundRouteStoreTests : InboundRouteStoreContract
{
    protected override ValueTask<IInboundRouteStore> OpenAsync() => OpenOnRedisAsync();

    [Fact]
    public async Task One_that_cannot_be_read_is_not_taken_for_none()
    {
        await Under!.Connections.Reading.HashSetAsync("relay:routes", "help.shop.test", "{broken");

        await Assert.ThrowsAsync<StoreUnavailableException>(async () => await Store.FindAsync(EnvelopeAddress.Parse("a@help.shop.test"), Cancellation));
        Assert.Empty(await Store.ListAsync("shop", Cancellation));
    }
}
