using Relay.Mail.Messages;
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
        await (await redis.PrimaryAsync(Cancellation)).WaitForReplicasAsync(Cancellation);

        await redis.FailOverAsync(Cancellation);

        await store.Queue.SettleAsync(TestMail.Delivered(lease, Time), Cancellation).InTime();
        var after = TestMail.To(Time, "b@x.test");
        await Eventually.HoldsAsync(async () => await store.Queue.EnqueueAsync(after, null, Cancellation).InTime() is EnqueueResult.Accepted, Cancellation);
        Assert.Equal(after.Id, Assert.Single(await store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime()).Message.Id);
        await Eventually.HoldsAsync(() => store.Get<IStoreHealth>().IsReady, Cancellation);
    }

    [Fact]
    public async Task With_replica_acknowledgement_nothing_accepted_is_lost_when_the_replica_that_acknowledged_takes_over()
    {
        await using var redis = await RedisSentinel.StartAsync(Cancellation);
        await using var store = await StoreUnderTest.StartAsync(
            redis.ConnectionString, StoreUnderTest.NewFolder(), Time, Cancellation, ("Queue:AnswerTimeout", "00:00:02"), ("Durability:Replicas", "1"));
        using var stop = new CancellationTokenSource();
        var accepted = new System.Collections.Concurrent.ConcurrentBag<Message>();
        var sending = Enumerable.Range(0, 8).Select(_ => SendAsync(store, accepted, stop.Token)).ToList();
        await Eventually.HoldsAsync(() => accepted.Count > 200, Cancellation);

        var old = await redis.PrimaryAsync(Cancellation);
        await old.KillAsync();
        var next = await redis.WaitForPrimaryOtherThanAsync(old, Cancellation);
        await stop.CancelAsync();
        await Task.WhenAll(sending);

        foreach (var message in accepted)
        {
            Assert.Equal("1", await next.AskAsync(Cancellation, "EXISTS", store.Store.PartitionOf(message.Id).Keys.Message(message.Id).ToString()));
        }
    }

    [Fact]
    public async Task A_primary_that_was_replaced_while_it_stood_still_is_left_and_never_spoken_to_again()
    {
        await using var redis = await RedisSentinel.StartAsync(Cancellation);
        await using var store = await StoreUnderTest.StartAsync(
            redis.ConnectionString, StoreUnderTest.NewFolder(), Time, Cancellation, ("Queue:AnswerTimeout", "00:00:02"));
        await AcceptAsync(store);
        var old = await redis.PrimaryAsync(Cancellation);

        old.Pause();
        try
        {
            await redis.WaitForPrimaryOtherThanAsync(old, Cancellation);
            await Eventually.HoldsAsync(
                async () => await store.Queue.EnqueueAsync(TestMail.To(Time, "b@x.test"), null, Cancellation).InTime() is EnqueueResult.Accepted, Cancellation);
        }
        finally
        {
            old.Continue();
        }

        // Until a sentinel tells it otherwise it takes itself for the primary.
        var accepted = new List<Message>();
        await Eventually.HoldsAsync(
            async () =>
            {
                var message = TestMail.To(Time, "a@x.test");
                if (await store.Queue.EnqueueAsync(message, null, Cancellation).InTime() is EnqueueResult.Accepted)
                {
                    accepted.Add(message);
                }

                return accepted.Count > 0 && (await old.AskAsync(Cancellation, "ROLE")).StartsWith("slave", StringComparison.Ordinal);
            },
            Cancellation);
        var primary = await redis.PrimaryAsync(Cancellation);
        foreach (var message in accepted)
        {
            Assert.Equal("1", await primary.AskAsync(Cancellation, "EXISTS", store.Store.PartitionOf(message.Id).Keys.Message(message.Id).ToString()));
        }
    }

    [Fact]
    public async Task The_kit_waits_for_a_replica_that_stands_still_though_the_primary_counts_it()
    {
        await using var redis = await RedisSentinel.StartAsync(Cancellation);
        var (primary, replica) = (redis.Servers[0], redis.Servers[1]);
        replica.Pause();
        await primary.AskAsync(Cancellation, "SET", "a", "1");
        var waiting = primary.WaitForReplicasAsync(Cancellation);
        Assert.Equal("1", await primary.AskAsync(Cancellation, "WAIT", "1", "100"));
        Assert.False(waiting.IsCompleted);

        replica.Continue();
        await waiting;

        Assert.Equal("1", await replica.AskAsync(Cancellation, "GET", "a"));
    }

    [Fact]
    public async Task The_settings_of_the_new_primary_are_read_at_once()
    {
        await using var redis = await RedisSentinel.StartAsync(Cancellation);
        await redis.Servers[1].AskAsync(Cancellation, "CONFIG", "SET", "appendfsync", "no");
        await using var store = await StoreUnderTest.StartAsync(
            redis.ConnectionString, StoreUnderTest.NewFolder(), Time, Cancellation, ("Queue:AnswerTimeout", "00:00:02"));
        var health = store.Get<IStoreHealth>();
        Assert.Contains("one or two seconds", health.Promise!.Losses!.MachineCrash, StringComparison.Ordinal);

        await redis.FailOverAsync(Cancellation);

        await Eventually.HoldsAsync(() => health.Promise!.Losses!.MachineCrash.Contains("half minute", StringComparison.Ordinal), Cancellation);
        await Eventually.HoldsAsync(() => health.Promise!.Losses!.Failover.StartsWith("No replica is connected", StringComparison.Ordinal), Cancellation);
    }

    private static async Task<Message> AcceptAsync(StoreUnderTest store)
    {
        var message = TestMail.To(Time, "a@x.test");
        Assert.IsType<EnqueueResult.Accepted>(await store.Queue.EnqueueAsync(message, null, Cancellation).InTime());
        return message;
    }

    // As long as the store has no replica to acknowledge, nothing is accepted.
    private static async Task SendAsync(StoreUnderTest store, System.Collections.Concurrent.ConcurrentBag<Message> accepted, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            var message = TestMail.To(Time, "a@x.test");
            if (await store.Queue.EnqueueAsync(message, null, Cancellation).InTime() is EnqueueResult.Accepted)
            {
                accepted.Add(message);
            }
        }
    }
}
