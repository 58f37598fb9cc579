using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.TestKit.Redis;
using StackExchange.Redis;

namespace Relay.Tests.Redis.Queue;

/// <summary>A store that is full, away, slow or unwilling: refused in bounded time, with the right word, leaving nothing behind.</summary>
public sealed class StoreTroubleTests
{
    private static readonly TimeProvider Time = TimeProvider.System;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_full_store_takes_no_mail_and_keeps_what_it_has()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using var store = await StartAsync(redis);
        var kept = TestMail.To(Time, "a@x.test");
        await store.Queue.EnqueueAsync(kept, null, Cancellation);

        await store.Connections.Background.ExecuteAsync("CONFIG", "SET", "maxmemory", "1");

        Assert.IsType<EnqueueResult.StoreFull>(await store.Queue.EnqueueAsync(TestMail.To(Time, "a@x.test"), null, Cancellation).InTime());
        var refused = await Assert.ThrowsAsync<StoreUnavailableException>(
            () => store.Get<IContentStore>().WriteChunkAsync(kept.Id, 0, new byte[10], Cancellation).InTime());
        Assert.True(refused.IsFull);
        Assert.Equal(kept.Id, Assert.Single(await store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime()).Message.Id);
    }

    [Fact]
    public async Task New_mail_is_refused_at_the_watermark_while_what_is_queued_can_still_be_settled()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using var store = await StartAsync(redis, ("Queue:Watermark", "0.1"));
        await store.Queue.EnqueueAsync(TestMail.To(Time, "a@x.test"), null, Cancellation);
        var lease = Assert.Single(await store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());

        // Several megabytes of room, and more than a tenth of it used.
        await store.Connections.Background.ExecuteAsync("CONFIG", "SET", "maxmemory", "6mb");

        await Eventually.HoldsAsync(
            async () => await store.Queue.EnqueueAsync(TestMail.To(Time, "a@x.test"), null, Cancellation) is EnqueueResult.StoreFull, Cancellation);
        await store.Queue.SettleAsync(TestMail.Delivered(lease, Time), Cancellation).InTime();
    }

    [Fact]
    public async Task Near_the_watermark_mail_of_the_world_and_of_test_keys_is_refused_first()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using var store = await StartAsync(redis, ("Queue:Watermark", "0.5"));
        var ours = TestMail.To(Time, "a@x.test");

        // About nine tenths of the half that may be used, whatever the server itself needs.
        await store.Connections.Background.ExecuteAsync("SETRANGE", "filler", "40000000", "x");
        await store.Connections.Background.ExecuteAsync("CONFIG", "SET", "maxmemory", "96000000");

        await Eventually.HoldsAsync(
            async () => await store.Queue.EnqueueAsync(TestMail.To(Time, "a@x.test") with { Source = MessageSource.Inbound }, null, Cancellation) is EnqueueResult.StoreFull,
            Cancellation);
        Assert.False(store.Get<IContentStore>().HasRoomForStrangers);
        Assert.IsType<EnqueueResult.StoreFull>(await store.Queue.EnqueueAsync(ours with { Mode = MessageMode.Test }, null, Cancellation));
        Assert.IsType<EnqueueResult.Accepted>(await store.Queue.EnqueueAsync(ours, null, Cancellation));
    }

    [Fact]
    public async Task A_read_only_store_is_unavailable()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using var store = await StartAsync(redis);

        await store.Connections.Background.ExecuteAsync("CONFIG", "SET", "min-replicas-to-write", "1");

        Assert.IsType<EnqueueResult.StoreUnavailable>(await store.Queue.EnqueueAsync(TestMail.To(Time, "a@x.test"), null, Cancellation).InTime());
        Assert.Equal(0, (await store.Reader.MeasureAsync(Cancellation)).Units);
    }

    [Theory]
    [InlineData("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", "cluster is down")]
    [InlineData("CLUSTERDOWN The cluster is down", "cluster is down")]
    [InlineData("LOADING Redis is loading the dataset in memory", "loading")]
    [InlineData("BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.", "busy")]
    public async Task A_store_that_cannot_now_is_unavailable_and_serves_again_when_it_can(string error, string words)
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using var shim = new RedisShim(redis);
        await using var store = await StoreUnderTest.StartAsync(shim.ConnectionString, StoreUnderTest.NewFolder(), Time, Cancellation);

        // As such a server does it: every write is refused at once, which spoils the step that it stands in, and the reason is told outside of it.
        string[] refused = ["EVAL", $"return redis.error_reply(\"{error}\")", "0"];
        shim.Instead = command => command[0] switch
        {
            "MSET" or "ZADD" or "RPUSH" => ["NO-SUCH-COMMAND"],
            "SET" or "SETEX" or "PSETEX" => refused,
            _ => null,
        };

        var answer = Assert.IsType<EnqueueResult.StoreUnavailable>(await store.Queue.EnqueueAsync(TestMail.To(Time, "a@x.test"), null, Cancellation).InTime());
        Assert.Contains(words, answer.Reason, StringComparison.Ordinal);

        shim.Instead = _ => null;
        var kept = TestMail.To(Time, "b@x.test");
        await Eventually.HoldsAsync(async () => await store.Queue.EnqueueAsync(kept, null, Cancellation).InTime() is EnqueueResult.Accepted, Cancellation);
        Assert.Equal(kept.Id, Assert.Single(await store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime()).Message.Id);
    }

    [Fact]
    public async Task A_store_that_is_gone_is_unavailable()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using var store = await StartAsync(redis);
        await redis.KillAsync();

        Assert.IsType<EnqueueResult.StoreUnavailable>(await store.Queue.EnqueueAsync(TestMail.To(Time, "a@x.test"), null, Cancellation).InTime());
        await Eventually.HoldsAsync(() => !store.Get<IStoreHealth>().IsReady, Cancellation);
    }

    [Fact]
    public async Task Mail_refused_because_the_store_was_paused_is_not_sent_when_it_goes_on()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using var store = await StartAsync(redis, ("Queue:AnswerTimeout", "00:00:02"));
        redis.Pause();
        try
        {
            Assert.IsType<EnqueueResult.StoreUnavailable>(await store.Queue.EnqueueAsync(TestMail.To(Time, "a@x.test"), null, Cancellation).InTime());
        }
        finally
        {
            redis.Continue();
        }

        var later = TestMail.To(Time, "b@x.test");
        await Eventually.HoldsAsync(async () => await store.Queue.EnqueueAsync(later, null, Cancellation).InTime() is EnqueueResult.Accepted, Cancellation);
        Assert.Equal(later.Id, Assert.Single(await store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime()).Message.Id);
        await Eventually.HoldsAsync(async () => (await store.Reader.MeasureAsync(Cancellation)).Units == 1, Cancellation);
    }

    [Fact]
    public async Task A_look_for_lanes_that_failed_is_done_again()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        var kept = TestMail.To(Time, "a@x.test");
        RedisKey lanes, away;
        var folder = StoreUnderTest.NewFolder();
        await using (var before = await StartAsync(redis, folder, ("Queue:Partitions", "1")))
        {
            await before.Queue.EnqueueAsync(kept, null, Cancellation);
            lanes = before.Store.Partitions[0].Keys.Lanes;
            away = lanes.Append(":away");
            await before.Connections.Background.KeyRenameAsync(lanes, away);
            await before.Connections.Background.StringSetAsync(lanes, "nothing that could be read");
        }

        await using var store = await StartAsync(redis, folder, ("Queue:Partitions", "1"));
        var database = store.Connections.Background;
        await Eventually.HoldsAsync(async () => ((string?)await database.ExecuteAsync("INFO", "errorstats"))!.Contains("errorstat_WRONGTYPE", StringComparison.Ordinal), Cancellation);
        await database.KeyDeleteAsync(lanes);
        await database.KeyRenameAsync(away, lanes);

        Assert.Equal(kept.Id, Assert.Single(await store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime()).Message.Id);
    }

    private static Task<StoreUnderTest> StartAsync(RedisServer redis, params (string, string)[] settings) =>
        StartAsync(redis, StoreUnderTest.NewFolder(), settings);

    private static Task<StoreUnderTest> StartAsync(RedisServer redis, string folder, params (string, string)[] settings) =>
        StoreUnderTest.StartAsync(redis.ConnectionString, folder, Time, Cancellation, settings);
}
