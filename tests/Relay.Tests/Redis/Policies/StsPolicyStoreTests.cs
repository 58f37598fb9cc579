using Relay.Mail.Policies;
using Relay.TestKit.Redis;

namespace Relay.Tests.Redis.Policies;

public sealed class StsPolicyStoreTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_policy_is_kept_until_its_end_and_replaced_by_a_newer_one()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using var store = await StoreUnderTest.StartAsync(redis.ConnectionString, StoreUnderTest.NewFolder(), TimeProvider.System, Cancellation);
        var policies = store.Get<IStsPolicyStore>();
        var now = DateTimeOffset.UtcNow;
        var first = new KeptStsPolicy("1", "mode: testing", now, now + TimeSpan.FromHours(1));
        var second = new KeptStsPolicy("2", "mode: enforce\r\nmx: *.x.test", now, now + TimeSpan.FromDays(365));

        Assert.Null(await policies.FindAsync("x.test", Cancellation));
        await policies.KeepAsync("x.test", first, Cancellation);
        Assert.Equal(first, await policies.FindAsync("x.test", Cancellation));
        Assert.InRange((await store.Connections.Reading.KeyTimeToLiveAsync("relay:sts:x.test"))!.Value, TimeSpan.FromMinutes(50), TimeSpan.FromHours(1));

        await policies.KeepAsync("x.test", second, Cancellation);
        Assert.Equal(second, await policies.FindAsync("x.test", Cancellation));
        Assert.Null(await policies.FindAsync("y.test", Cancellation));
    }

    [Fact]
    public async Task What_cannot_be_read_counts_as_nothing()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using var store = await StoreUnderTest.StartAsync(redis.ConnectionString, StoreUnderTest.NewFolder(), TimeProvider.System, Cancellation);
        await store.Connections.Bulk.StringSetAsync("relay:sts:x.test", "{broken");

        Assert.Null(await store.Get<IStsPolicyStore>().FindAsync("x.test", Cancellation));
    }
}
