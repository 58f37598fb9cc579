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
        var promise = StorePromises.Of(new StoreFacts(StoreShape.Single, [Server("7.0.15", appendOnly, appendFsync, notOnRewrite)]), new DurabilityOptions());

        Assert.Equal(expected, promise.Class);
        Assert.NotEqual("", promise.Sentence);
        Assert.All([promise.Losses!.ProcessKill, promise.Losses.MachineCrash, promise.Losses.Failover], IsASentence);
    }

    [Theory]
    [InlineData("7.0.15", "everysec", PromiseClass.CrashSafe)]
    [InlineData("7.2.0", "everysec", PromiseClass.PowerSafe)]
    [InlineData("7.4.0", "everysec", PromiseClass.CrashSafe)]
    [InlineData("7.4.2", "everysec", PromiseClass.CrashSafe)]
    [InlineData("7.4.3", "everysec", PromiseClass.PowerSafe)]
    [InlineData("8.2.0", "everysec", PromiseClass.PowerSafe)]
    [InlineData("8.2.0", "no", PromiseClass.CrashSafe)]
    public void Where_accepts_can_wait_for_the_disk_they_do(string version, string appendFsync, PromiseClass expected)
    {
        var facts = new StoreFacts(StoreShape.Single, [Server(version, appendFsync: appendFsync)]);

        Assert.Equal(expected, StorePromises.Of(facts, new DurabilityOptions()).Class);
        Assert.Equal(expected == PromiseClass.PowerSafe, StorePromises.WaitsForDisk(facts, new DurabilityOptions()));
        Assert.Equal(PromiseClass.CrashSafe, StorePromises.Of(facts, new DurabilityOptions { WaitForDisk = false }).Class);
    }

    [Fact]
    public void A_version_that_answers_too_early_is_named()
    {
        var promise = StorePromises.Of(new StoreFacts(StoreShape.Single, [Server("7.4.1")]), new DurabilityOptions());

        Assert.Contains("7.4.1", Assert.Single(promise.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void A_store_that_cannot_wait_for_its_disk_is_refused_where_it_must()
    {
        var facts = new StoreFacts(StoreShape.Single, [Server("7.0.15")]);

        var refused = Assert.Throws<StoreRefusedException>(() => StorePromises.Of(facts, new DurabilityOptions { WaitForDisk = true }));
        Assert.Contains("7.0.15", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData((int)StoreShape.Single, 0, 0, "There is no replica")]
    [InlineData((int)StoreShape.Sentinel, 0, 0, "No replica is connected now")]
    [InlineData((int)StoreShape.Sentinel, 1, 0, "nothing bounds it")]
    [InlineData((int)StoreShape.Cluster, 2, 1, "one of the 1 of 2")]
    [InlineData((int)StoreShape.Cluster, 1, 1, "as each of the 1 does")]
    public void What_a_failover_loses_is_said(int shape, int replicas, int asked, string words)
    {
        var facts = new StoreFacts((StoreShape)shape, [Server("7.0.15") with { Replicas = replicas }]);

        var promise = StorePromises.Of(facts, new DurabilityOptions { Replicas = asked });

        Assert.Contains(words, promise.Losses!.Failover, StringComparison.Ordinal);
        Assert.Equal(asked > 0 ? PromiseClass.Replicated : PromiseClass.CrashSafe, promise.Class);
    }

    [Fact]
    public void The_weakest_server_of_a_cluster_makes_the_promise()
    {
        var facts = new StoreFacts(StoreShape.Cluster, [Server("7.0.15", appendFsync: "always"), Server("7.0.15"), Server("7.0.15", appendFsync: "always")]);

        Assert.Equal(PromiseClass.CrashSafe, StorePromises.Of(facts, new DurabilityOptions()).Class);
    }

    private static ServerFacts Server(string version, string appendOnly = "yes", string appendFsync = "everysec", string notOnRewrite = "no") => new()
    {
        Version = Version.Parse(version),
        Settings = new Dictionary<string, string>
        {
            ["appendonly"] = appendOnly,
            ["appendfsync"] = appendFsync,
            ["no-appendfsync-on-rewrite"] = notOnRewrite,
        },
    };

    private static void IsASentence(string text) => Assert.EndsWith(".", text, StringComparison.Ordinal);

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
    public async Task A_store_whose_clock_is_wrong_is_warned_of()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        var slow = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(DateTimeOffset.UtcNow - TimeSpan.FromMinutes(2));
        await using var store = await StoreUnderTest.StartAsync(redis.ConnectionString, StoreUnderTest.NewFolder(), slow, Cancellation);

        await Eventually.HoldsAsync(() => store.Get<IStoreHealth>().Warnings.Any(w => w.StartsWith("The store's clock is ", StringComparison.Ordinal)), Cancellation);
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
        Assert.Contains("the store has 4", refused.Message);

        await using var again = await StoreUnderTest.StartAsync(redis.ConnectionString, StoreUnderTest.NewFolder(), TimeProvider.System, Cancellation);
        Assert.Equal(4, again.Store.Partitions.Count);
    }
}
