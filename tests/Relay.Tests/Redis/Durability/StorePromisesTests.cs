using Relay.Mail.Queue;
using Relay.Redis;
using Relay.Redis.Durability;
using Relay.TestKit.Redis;

namespace Relay.Tests.Redis.Durability;

public sealed class StorePromisesTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("yes", "always", "no", PromiseClass.PowerSafe)]
    [InlineData("yes", "always", "yes", PromiseClass.CrashSafe)]
    [InlineData("yes", "everysec", "no", PromiseClass.CrashSafe)]
    [InlineData("yes", "no", "no", PromiseClass.CrashSafe)]
    [InlineData("no", "always", "no", PromiseClass.Memory)]
    public void The_settings_of_the_file_say_what_is_promised(string appendOnly, string appendFsync, string notOnRewrite, PromiseClass expected)
    {
        var promise = StorePromises.Of(new Dictionary<string, string>
        {
            ["appendonly"] = appendOnly,
            ["appendfsync"] = appendFsync,
            ["no-appendfsync-on-rewrite"] = notOnRewrite,
        });

        Assert.Equal(expected, promise.Class);
        Assert.NotEqual("", promise.Sentence);
    }

    [Theory]
    [InlineData("always", PromiseClass.PowerSafe)]
    [InlineData("everysec", PromiseClass.CrashSafe)]
    public async Task A_running_server_is_asked(string appendFsync, PromiseClass expected)
    {
        await using var redis = await RedisServer.StartAsync(Cancellation, appendFsync);
        await using var store = await StoreUnderTest.StartAsync(redis.ConnectionString, StoreUnderTest.NewFolder(), TimeProvider.System, Cancellation);

        Assert.Equal(expected, store.Get<IStoreHealth>().Promise!.Class);
        Assert.True(store.Get<IStoreHealth>().IsReady);
    }

    [Fact]
    public async Task A_store_that_promises_less_than_required_is_refused()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation, "everysec");

        var refused = await Assert.ThrowsAsync<StoreRefusedException>(() => StoreUnderTest.StartAsync(
            redis.ConnectionString, StoreUnderTest.NewFolder(), TimeProvider.System, Cancellation, ("Durability:Required", "PowerSafe")));

        Assert.Contains("Relay:Durability:Required", refused.Message);
    }

    [Fact]
    public async Task A_store_that_would_delete_queued_mail_is_refused()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation, "always", "--maxmemory-policy", "allkeys-lru");

        var refused = await Assert.ThrowsAsync<StoreRefusedException>(() => StoreUnderTest.StartAsync(
            redis.ConnectionString, StoreUnderTest.NewFolder(), TimeProvider.System, Cancellation));

        Assert.Contains("allkeys-lru", refused.Message);
    }

    [Fact]
    public async Task Where_settings_may_not_be_read_the_configuration_must_state_the_promise()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation, "always", "--rename-command", "CONFIG", "");

        await Assert.ThrowsAsync<StoreRefusedException>(() => StoreUnderTest.StartAsync(
            redis.ConnectionString, StoreUnderTest.NewFolder(), TimeProvider.System, Cancellation));
        await using var store = await StoreUnderTest.StartAsync(
            redis.ConnectionString, StoreUnderTest.NewFolder(), TimeProvider.System, Cancellation, ("Durability:Assume", "PowerSafe"));

        Assert.True(store.Get<IStoreHealth>().Promise is { Class: PromiseClass.PowerSafe, IsDeclared: true });
    }

    [Fact]
    public async Task The_number_of_partitions_cannot_change_under_a_store()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using (await StoreUnderTest.StartAsync(redis.ConnectionString, StoreUnderTest.NewFolder(), TimeProvider.System, Cancellation, ("Queue:Partitions", "4")))
        {
        }

        var refused = await Assert.ThrowsAsync<StoreRefusedException>(() => StoreUnderTest.StartAsync(
            redis.ConnectionString, StoreUnderTest.NewFolder(), TimeProvider.System, Cancellation, ("Queue:Partitions", "8")));
        Assert.Contains("made with 4", refused.Message);

        await using var again = await StoreUnderTest.StartAsync(redis.ConnectionString, StoreUnderTest.NewFolder(), TimeProvider.System, Cancellation);
        Assert.Equal(4, again.Store.Partitions.Count);
    }
}
