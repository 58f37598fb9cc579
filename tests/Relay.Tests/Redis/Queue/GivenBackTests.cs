using Relay.Redis.Journal;
using Relay.Redis.Queue;
using Relay.Redis.Steps;
using Relay.TestKit.Redis;
using StackExchange.Redis;

namespace Relay.Tests.Redis.Queue;

/// <summary>A store that lost its last moment may hold mail again of which this node believes that it is gone.</summary>
public sealed class GivenBackTests
{
    private static readonly TimeProvider Time = TimeProvider.System;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_was_taken_back_and_is_there_again_is_found_behind_a_lost_connection()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation, "everysec");
        await using var proxy = new RedisProxy(redis.Port);
        await using var store = await StoreUnderTest.StartAsync(proxy.ConnectionString, StoreUnderTest.NewFolder(), Time, Cancellation);
        var message = TestMail.To(Time, "a@x.test");
        var partition = store.Store.PartitionOf(message.Id);
        await Eventually.HoldsAsync(() => partition.Look.Next > Time.GetUtcNow().ToUnixTimeMilliseconds(), Cancellation);

        // Its accept was answered too late and taken back, which only the former primary heard; its event is projected.
        await using (var behind = await ConnectionMultiplexer.ConnectAsync(redis.ConnectionString))
        {
            var step = behind.GetDatabase().CreateTransaction();
            AcceptStep.Add(step, partition.Keys, [new PreparedMessage(message, store.Store.Mark)]);
            _ = step.KeyDeleteAsync(partition.Keys.Outbox);
            Assert.True(await step.ExecuteAsync());
        }

        proxy.Cut();
        proxy.Mend();

        Assert.Equal(message.Id, Assert.Single(await store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime()).Message.Id);
    }

    [Fact]
    public async Task What_was_settled_again_and_is_given_back_once_more_is_not_sent_once_more()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation, "everysec");
        await using var store = await StoreUnderTest.StartAsync(redis.ConnectionString, StoreUnderTest.NewFolder(), Time, Cancellation);
        var message = TestMail.To(Time, "a@x.test");
        await store.Queue.EnqueueAsync(message, null, Cancellation);
        var lease = Assert.Single(await store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());
        var keys = store.Store.PartitionOf(message.Id).Keys;
        var before = await redis.AskAsync(Cancellation, "GET", keys.Settled.ToString());
        var record = keys.Message(message.Id).ToString();
        await redis.AskAsync(Cancellation, "COPY", record, "kept");
        await store.Queue.SettleAsync(TestMail.Delivered(lease, Time), Cancellation).InTime();

        // Two power cuts within the time between two renewals of the lease, each to the same step.
        for (var cut = 0; cut < 2; cut++)
        {
            using (var server = await RespClient.ConnectAsync(redis.Port, Cancellation))
            {
                await server.AskAsync(Cancellation, "MULTI");
                await server.AskAsync(Cancellation, "COPY", "kept", record);
                await server.AskAsync(Cancellation, "ZADD", keys.Lane(lease.Unit.Lane).ToString(), "1", lease.Id.ToString());
                await server.AskAsync(Cancellation, "ZADD", keys.Lanes.ToString(), "1", lease.Unit.Lane.ToString());
                await server.AskAsync(Cancellation, "SET", keys.Settled.ToString(), before);
                await server.AskAsync(Cancellation, "CLIENT", "KILL", "TYPE", "normal");
                await server.AskAsync(Cancellation, "EXEC");
            }

            await Eventually.HoldsAsync(async () => await redis.AskAsync(Cancellation, "EXISTS", record) == "0", Cancellation);
        }

        using var soon = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        soon.CancelAfter(TimeSpan.FromSeconds(1));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => store.Queue.LeaseDueAsync(TestMail.Everything, soon.Token).AsTask());
    }

    [Fact]
    public async Task What_was_settled_while_it_was_looked_for_is_not_kept_from_being_sent()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation, "everysec");
        await using var shim = new RedisShim(redis);
        await using var store = await StoreUnderTest.StartAsync(
            shim.ConnectionString, StoreUnderTest.NewFolder(), Time, Cancellation, ("Queue:Lease", "00:10:00"));
        var message = TestMail.To(Time, "a@x.test");
        await store.Queue.EnqueueAsync(message, null, Cancellation);
        var lease = Assert.Single(await store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());
        var partition = store.Store.PartitionOf(message.Id);
        var (recovery, known) = (store.Get<Recovery>(), store.Get<KnownAttempts>());
        var isSettled = 0;
        shim.Instead = command =>
        {
            if (command[0] == "ZSCORE" && command[2] == lease.Id.ToString() && Interlocked.Exchange(ref isSettled, 1) == 0)
            {
                // As when the put-off of its outcome ends just now.
                known.Begin([]);
            }

            return null;
        };

        known.Begin([new DoneEntry(lease.Id, lease.Attempts) { Events = [] }]);
        await recovery.RecallAsync(partition);
        Assert.Equal(1, isSettled);
        store.Queue.Release(lease);

        Assert.Equal(lease.Id, Assert.Single(await store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime()).Id);
    }
}
