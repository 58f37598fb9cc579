using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.TestKit.Redis;

namespace Relay.Tests.Redis.Shapes;

/// <summary>A primary dies: its partitions go on at its replica, the others do not notice.</summary>
public sealed class ClusterFailoverTests
{
    private static readonly TimeProvider Time = TimeProvider.System;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Without_replica_acknowledgement_a_failover_is_followed_and_what_the_replica_had_goes_on()
    {
        await using var redis = await RedisCluster.StartAsync(Cancellation);
        await using var store = await StoreUnderTest.StartAsync(
            redis.ConnectionString, StoreUnderTest.NewFolder(), Time, Cancellation, ("Queue:AnswerTimeout", "00:00:02"));
        Assert.Equal(64, store.Store.Partitions.Count);

        // One message in each partition, so on each shard.
        var leases = new List<Lease>();
        foreach (var partition in store.Store.Partitions)
        {
            var message = TestMail.To(Time, "a@x.test") with { Id = MessageId.Create(Time, partition.Number) };
            Assert.IsType<EnqueueResult.Accepted>(await store.Queue.EnqueueAsync(message, null, Cancellation).InTime());
        }

        while (leases.Count < 64)
        {
            leases.AddRange(await store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());
        }

        var primary = await redis.PrimaryOfAsync(store.Store.Partitions[7].Keys.Lanes.ToString(), Cancellation);
        await primary.WaitForReplicasAsync(Cancellation);
        var settling = leases.Take(32).Select(lease => store.Queue.SettleAsync(TestMail.Delivered(lease, Time), Cancellation).InTime()).ToList();
        await redis.FailOverAsync(primary, Cancellation);
        await Task.WhenAll(settling);
        await Task.WhenAll(leases.Skip(32).Select(lease => store.Queue.SettleAsync(TestMail.Delivered(lease, Time), Cancellation).InTime()));

        foreach (var partition in store.Store.Partitions)
        {
            var message = TestMail.To(Time, "b@x.test") with { Id = MessageId.Create(Time, partition.Number) };
            await Eventually.HoldsAsync(async () => await store.Queue.EnqueueAsync(message, null, Cancellation).InTime() is EnqueueResult.Accepted, Cancellation);
        }

        await Eventually.HoldsAsync(() => store.Get<IStoreHealth>().IsReady, Cancellation);
        await Eventually.HoldsAsync(async () => (await store.Reader.MeasureAsync(Cancellation)).Units == 64, Cancellation);
    }
}
