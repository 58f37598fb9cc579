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
}
