using Relay.Mail.Queue;
using Relay.TestKit.Redis;

namespace Relay.Tests.Redis.Shapes;

/// <summary>The sentinels name the primary; whoever it is, the queue goes on there.</summary>
public sealed class SentinelTests
{
    private static readonly TimeProvider Time = TimeProvider.System;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Without_replica_acknowledgement_a_failover_is_followed_and_what_the_replica_had_goes_on()
    {
        await using var redis = await RedisSentinel.StartAsync(Cancellation);
        await using var store = await StoreUnderTest.StartAsync(
            redis.ConnectionString, StoreUnderTest.NewFolder(), Time, Cancellation, ("Queue:AnswerTimeout", "00:00:02"));
        var before = TestMail.To(Time, "a@x.test");
        Assert.IsType<EnqueueResult.Accepted>(await store.Queue.EnqueueAsync(before, null, Cancellation).InTime());
        var lease = Assert.Single(await store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());
        Assert.Equal("1", await (await redis.PrimaryAsync(Cancellation)).AskAsync(Cancellation, "WAIT", "1", "5000"));

        await redis.FailOverAsync(Cancellation);

        await store.Queue.SettleAsync(TestMail.Delivered(lease, Time), Cancellation).InTime();
        var after = TestMail.To(Time, "b@x.test");
        await Eventually.HoldsAsync(async () => await store.Queue.EnqueueAsync(after, null, Cancellation).InTime() is EnqueueResult.Accepted, Cancellation);
        Assert.Equal(after.Id, Assert.Single(await store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime()).Message.Id);
        await Eventually.HoldsAsync(() => store.Get<IStoreHealth>().IsReady, Cancellation);
    }
}
