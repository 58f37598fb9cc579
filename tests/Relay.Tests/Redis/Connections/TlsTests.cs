using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis;
using Relay.Redis.Connections;
using Relay.TestKit.Redis;
using StackExchange.Redis;

namespace Relay.Tests.Redis.Connections;

/// <summary>A store that speaks TLS, with an authority of its own and a user, in all shapes.</summary>
public sealed class TlsTests
{
    private const string Login = ",user=relay,password=correct horse";
    private static readonly string[] User = ["--user", "relay", "on", ">correct horse", "~relay:*", "&relay:*", "+@all"];
    private static readonly TimeProvider Time = TimeProvider.System;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task One_server()
    {
        using var tls = RedisTls.For();
        await using var redis = await RedisServer.StartAsync(Cancellation, "everysec", [.. tls.Settings(), .. User]);
        await using var store = await OpenAsync(redis, tls, Login);

        await GoesThroughAsync(store, slot: 0);

        Assert.Contains("user=relay", await redis.AskAsync(Cancellation, "CLIENT", "LIST"), StringComparison.Ordinal);
        Assert.Equal("relay:wake\n1", await redis.AskAsync(Cancellation, "PUBSUB", "NUMSUB", "relay:wake"));
    }

    [Fact]
    public async Task One_server_named_by_a_URL()
    {
        using var tls = RedisTls.For();
        await using var redis = await RedisServer.StartAsync(Cancellation, "everysec", [.. tls.Settings(), .. User]);
        await using var store = await StartAsync($"rediss://relay:correct%20horse@127.0.0.1:{redis.TlsPort}/3", tls);

        await GoesThroughAsync(store, slot: 0);

        Assert.Contains("db3:keys=", await redis.AskAsync(Cancellation, "INFO", "keyspace"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Sentinels_and_the_servers_they_name_over_a_failover()
    {
        using var tls = RedisTls.For();
        await using var redis = await RedisSentinel.StartAsync(tls, Cancellation, settings: User);

        // The sentinels know no such user, as is usual.
        await using var store = await StartAsync(redis.TlsConnectionString + Login, tls, ("Queue:AnswerTimeout", "00:00:02"));
        await GoesThroughAsync(store, slot: 0);

        var next = await redis.FailOverAsync(Cancellation);

        await Eventually.HoldsAsync(
            async () => await store.Queue.EnqueueAsync(TestMail.To(Time, "b@x.test"), null, Cancellation).InTime() is EnqueueResult.Accepted, Cancellation);
        Assert.Contains("user=relay", await next.AskAsync(Cancellation, "CLIENT", "LIST"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cluster_on_each_of_its_shards()
    {
        using var tls = RedisTls.For();
        await using var redis = await RedisCluster.StartAsync(tls, Cancellation, settings: User);
        await using var store = await StartAsync(redis.TlsConnectionString + Login, tls);

        foreach (var slot in (int[])[0, 21, 42, 63])
        {
            await GoesThroughAsync(store, slot);
        }

        foreach (var primary in redis.Servers.Take(3))
        {
            Assert.Contains("user=relay", await primary.AskAsync(Cancellation, "CLIENT", "LIST"), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_certificate_of_another_authority_is_refused_with_the_reason_and_at_once()
    {
        using var tls = RedisTls.For();
        using var other = RedisTls.For();
        await using var redis = await RedisServer.StartAsync(Cancellation, "everysec", tls.Settings());

        var refused = await Assert.ThrowsAsync<StoreRefusedException>(() => OpenAsync(redis, other));

        Assert.Contains($"127.0.0.1:{redis.TlsPort} shows a certificate that is not trusted here", refused.Message, StringComparison.Ordinal);
        Assert.Contains("Relay:RedisTls:Authority", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_certificate_for_another_name_is_refused_unless_that_name_is_asked_for()
    {
        using var tls = RedisTls.For("redis.example");
        await using var redis = await RedisServer.StartAsync(Cancellation, "everysec", tls.Settings());

        var refused = await Assert.ThrowsAsync<StoreRefusedException>(() => OpenAsync(redis, tls));
        Assert.Contains("not for '127.0.0.1'", refused.Message, StringComparison.Ordinal);

        await using var store = await OpenAsync(redis, tls, ",sslHost=redis.example");
        await GoesThroughAsync(store, slot: 0);
    }

    [Fact]
    public async Task A_certificate_of_another_authority_is_refused_behind_sentinels_too()
    {
        using var tls = RedisTls.For();
        using var other = RedisTls.For();
        await using var redis = await RedisSentinel.StartAsync(tls, Cancellation);

        var refused = await Assert.ThrowsAsync<StoreRefusedException>(() => StartAsync(redis.TlsConnectionString, other));

        Assert.Contains("not trusted here", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_asks_for_a_certificate_is_shown_ours()
    {
        using var tls = RedisTls.For(asksClients: true);
        await using var redis = await RedisServer.StartAsync(Cancellation, "everysec", tls.Settings());
        var (certificate, key) = tls.ForClient("relay");

        var without = await Assert.ThrowsAsync<RedisConnectionException>(() => StoreConnections.OpenAsync(
            StoreConnections.Configure(AddressOf(redis), TimeSpan.FromSeconds(5), new RedisTlsOptions { Authority = tls.AuthorityFile }), Cancellation));
        Assert.Contains("Relay:RedisTls:Certificate", without.Message, StringComparison.Ordinal);

        await using var store = await OpenAsync(redis, tls, "", ("RedisTls:Certificate", certificate), ("RedisTls:Key", key));
        await GoesThroughAsync(store, slot: 0);
    }

    [Fact]
    public async Task TLS_where_there_is_none_and_none_where_there_is_are_told_apart_from_a_store_that_is_away()
    {
        using var tls = RedisTls.For();
        await using var redis = await RedisServer.StartAsync(Cancellation, "everysec", tls.Settings());

        var plain = await Assert.ThrowsAsync<StoreRefusedException>(() => StartAsync($"127.0.0.1:{redis.TlsPort}", tls));
        Assert.Contains("speaks TLS: add ssl=true", plain.Message, StringComparison.Ordinal);
        var secure = await Assert.ThrowsAsync<StoreRefusedException>(() => StartAsync($"{redis.ConnectionString},ssl=true", tls));
        Assert.Contains("does not speak TLS", secure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("nowhere.pem", null, null, "Relay:RedisTls:Authority")]
    [InlineData(null, "nowhere.pem", "nowhere.key", "Relay:RedisTls:Certificate")]
    [InlineData(null, "nowhere.pem", null, "Certificate and Key go together")]
    public void A_file_that_cannot_be_used_is_named(string? authority, string? certificate, string? key, string named)
    {
        var refused = Assert.Throws<StoreRefusedException>(() => StoreConnections.Configure(
            "127.0.0.1:6379,ssl=true", TimeSpan.FromSeconds(1), new RedisTlsOptions { Authority = authority, Certificate = certificate, Key = key }));

        Assert.Contains(named, refused.Message, StringComparison.Ordinal);
    }

    private static string AddressOf(RedisServer redis) => $"127.0.0.1:{redis.TlsPort},ssl=true";

    private static Task<StoreUnderTest> OpenAsync(RedisServer redis, RedisTls tls, string more = "", params (string, string)[] settings) =>
        StartAsync(AddressOf(redis) + more, tls, settings);

    private static Task<StoreUnderTest> StartAsync(string redis, RedisTls tls, params (string, string)[] settings) =>
        StoreUnderTest.StartAsync(redis, StoreUnderTest.NewFolder(), Time, Cancellation, [("RedisTls:Authority", tls.AuthorityFile), .. settings]);

    private static async Task GoesThroughAsync(StoreUnderTest store, int slot)
    {
        var message = TestMail.To(Time, "a@x.test") with { Id = MessageId.Create(Time, slot) };
        Assert.IsType<EnqueueResult.Accepted>(await store.Queue.EnqueueAsync(message, null, Cancellation).InTime());
        var lease = Assert.Single(await store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());
        await store.Queue.SettleAsync(TestMail.Delivered(lease, Time), Cancellation).InTime();
        Assert.Equal(0, (await store.Reader.MeasureAsync(Cancellation)).Units);
    }
}
