using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis.Keys;
using Relay.Redis.Queue;
using Relay.Redis.Steps;
using Relay.TestKit.Redis;
using StackExchange.Redis;

namespace Relay.Tests.Redis.Queue;

/// <summary>Settled once per lease: by the owner, whatever is lost on the way or comes too late.</summary>
public sealed class FenceTests
{
    private static readonly TimeProvider Time = TimeProvider.System;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_store_that_failed_over_and_lost_the_last_steps_is_settled_all_the_same()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using var store = await StoreUnderTest.StartAsync(redis.ConnectionString, StoreUnderTest.NewFolder(), Time, Cancellation, ("Queue:Partitions", "1"));
        var settled = store.Store.Partitions[0].Keys.Settled;
        var before = await store.Connections.Reading.StringGetAsync(settled);
        foreach (var recipient in new[] { "a@x.test", "b@x.test" })
        {
            await store.Queue.EnqueueAsync(TestMail.To(Time, recipient), null, Cancellation);
        }

        var leases = await store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime();
        await store.Queue.SettleAsync(TestMail.Delivered(leases[0], Time), Cancellation).InTime();

        // As on a replica that had not received the last step.
        await store.Connections.Reading.StringSetAsync(settled, before);
        await store.Queue.SettleAsync(TestMail.Delivered(leases[1], Time), Cancellation).InTime();

        Assert.True(store.Store.Partitions[0].IsOwned);
        Assert.Equal(0, (await store.Reader.MeasureAsync(Cancellation)).Units);
        var activity = await store.Activity.FindAsync("acme", leases[1].Message.Id, Cancellation);
        Assert.Single(activity!.Events, e => e.Type == MailEventType.Delivered);
    }

    [Fact]
    public async Task A_message_that_one_recipient_has_is_not_taken_back_from_the_others()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using var store = await StoreUnderTest.StartAsync(redis.ConnectionString, StoreUnderTest.NewFolder(), Time, Cancellation);
        var message = TestMail.To(Time, "a@x.test", "b@y.test");
        await store.Queue.EnqueueAsync(message, null, Cancellation);
        var leases = await store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime();
        await store.Queue.SettleAsync(TestMail.Delivered(leases[0], Time), Cancellation).InTime();

        GiveUp(store, message);
        var other = TestMail.To(Time, "c@x.test");
        await store.Queue.EnqueueAsync(other, null, Cancellation);
        GiveUp(store, other);
        await Eventually.HoldsAsync(async () => (await store.Reader.FindUnitsAsync(other.Id, Cancellation)).Count == 0, Cancellation);

        Assert.Single(await store.Reader.FindUnitsAsync(message.Id, Cancellation));
    }

    [Fact]
    public async Task A_message_that_is_on_its_way_to_one_recipient_is_not_taken_back_from_the_others()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using var store = await StoreUnderTest.StartAsync(redis.ConnectionString, StoreUnderTest.NewFolder(), Time, Cancellation);
        var message = TestMail.To(Time, "a@x.test", "b@y.test");
        await store.Queue.EnqueueAsync(message, null, Cancellation);
        var lease = Assert.Single(await store.Queue.LeaseDueAsync(TestMail.Everything with { MaxUnits = 1 }, Cancellation).InTime());

        GiveUp(store, message);
        var other = TestMail.To(Time, "c@x.test");
        await store.Queue.EnqueueAsync(other, null, Cancellation);
        GiveUp(store, other);
        await Eventually.HoldsAsync(async () => (await store.Reader.FindUnitsAsync(other.Id, Cancellation)).Count == 0, Cancellation);

        Assert.Equal(2, (await store.Reader.FindUnitsAsync(message.Id, Cancellation)).Count);
        await store.Queue.SettleAsync(TestMail.Delivered(lease, Time), Cancellation).InTime();
        Assert.NotEqual(lease.Id, Assert.Single(await store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime()).Id);
    }

    [Fact]
    public async Task What_another_node_may_be_sending_is_not_taken_back()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using var owner = await StoreUnderTest.StartAsync(redis.ConnectionString, StoreUnderTest.NewFolder(), Time, Cancellation);
        await using var shim = new RedisShim(redis);
        await using var door = await StoreUnderTest.StartAsync(shim.ConnectionString, StoreUnderTest.NewFolder(), Time, Cancellation, ("Roles:0", "intake"));
        var message = TestMail.To(Time, "a@x.test", "b@y.test");
        await door.Queue.EnqueueAsync(message, null, Cancellation);
        var lease = Assert.Single(await owner.Queue.LeaseDueAsync(TestMail.Everything with { MaxUnits = 1 }, Cancellation).InTime());
        var looked = new TaskCompletionSource();
        shim.Instead = command =>
        {
            if (command[0] == "GET" && command[1].EndsWith(":lease", StringComparison.Ordinal))
            {
                looked.TrySetResult();
            }

            return null;
        };

        GiveUp(door, message);
        await looked.Task.WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
        await owner.Queue.SettleAsync(TestMail.Delivered(lease, Time), Cancellation).InTime();
        var rest = Assert.Single(await owner.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());
        await owner.Queue.SettleAsync(TestMail.Delivered(rest, Time), Cancellation).InTime();

        await Eventually.HoldsAsync(async () => await DeliveriesAsync() == 2, Cancellation);
        async Task<int> DeliveriesAsync() =>
            (await owner.Activity.FindAsync("acme", message.Id, Cancellation))?.Events.Count(e => e.Type == MailEventType.Delivered) ?? 0;
    }

    [Fact]
    public async Task What_an_owner_who_is_gone_may_have_sent_is_not_taken_back_and_only_that()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using var door = await StoreUnderTest.StartAsync(redis.ConnectionString, StoreUnderTest.NewFolder(), Time, Cancellation, ("Roles:0", "intake"));
        var (noted, other) = (TestMail.To(Time, "a@x.test"), TestMail.To(Time, "b@x.test"));
        foreach (var (message, zero) in new[] { (noted, ""), (other, "0") })
        {
            await door.Queue.EnqueueAsync(message, null, Cancellation);
            var unit = Assert.Single(await door.Reader.FindUnitsAsync(message.Id, Cancellation));
            await door.Connections.Reading.HashSetAsync(door.Store.PartitionOf(message.Id).Keys.Dots, [new HashEntry($"{unit.Id}{zero} 00000000.1", "")]);
            GiveUp(door, message);
        }

        await Eventually.HoldsAsync(async () => (await door.Reader.FindUnitsAsync(other.Id, Cancellation)).Count == 0, Cancellation);

        Assert.Single(await door.Reader.FindUnitsAsync(noted.Id, Cancellation));
    }

    [Fact]
    public async Task A_take_over_that_a_failover_forgot_is_not_made_again_under_its_number()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using var proxy = new RedisProxy(redis.Port);
        await using var first = await StoreUnderTest.StartAsync(proxy.ConnectionString, StoreUnderTest.NewFolder(), Time, Cancellation, ("Queue:Partitions", "1"));
        var (keys, forgotten) = (first.Store.Partitions[0].Keys, first.Store.Partitions[0]);

        // As on a replica that had not heard of it, nor of who it was.
        proxy.Cut();
        await redis.AskAsync(Cancellation, "DEL", keys.Lease.ToString(), keys.Settled.ToString(), keys.Projected.ToString(), StoreKeys.Node(first.Store.Owner).ToString());
        await using var next = await StoreUnderTest.StartAsync(redis.ConnectionString, StoreUnderTest.NewFolder(), Time, Cancellation);

        var taken = next.Store.Partitions[0];
        Assert.True(taken.IsOwned);
        Assert.NotEqual(forgotten.Settled, taken.Settled);
        Assert.NotEqual(forgotten.Projected, taken.Projected);
    }

    [Theory]
    [InlineData("everysec", 0)]
    [InlineData("always", 1)]
    public async Task What_a_store_gives_back_when_it_loses_its_last_moment_is_settled_again_if_we_thought_of_that_and_found_again_if_not(string flush, int leased)
    {
        await using var redis = await RedisServer.StartAsync(Cancellation, flush);
        await using var store = await StoreUnderTest.StartAsync(
            redis.ConnectionString, StoreUnderTest.NewFolder(), Time, Cancellation, ("Queue:Partitions", "1"), ("Queue:Lease", "00:00:02"));
        var message = TestMail.To(Time, "a@x.test");
        await store.Queue.EnqueueAsync(message, null, Cancellation);
        var lease = Assert.Single(await store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());
        var keys = store.Store.PartitionOf(message.Id).Keys;
        var before = await redis.AskAsync(Cancellation, "GET", keys.Settled.ToString());
        await redis.AskAsync(Cancellation, "COPY", keys.Message(message.Id).ToString(), "kept");
        await store.Queue.SettleAsync(TestMail.Delivered(lease, Time), Cancellation).InTime();

        await redis.AskAsync(Cancellation, "RENAME", "kept", keys.Message(message.Id).ToString());
        await redis.AskAsync(Cancellation, "ZADD", keys.Lane(lease.Unit.Lane).ToString(), "1", lease.Id.ToString());
        await redis.AskAsync(Cancellation, "ZADD", keys.Lanes.ToString(), "1", lease.Unit.Lane.ToString());
        await redis.AskAsync(Cancellation, "SET", keys.Settled.ToString(), before);

        var known = TestMail.To(Time, "b@x.test") with { Id = MessageId.Create(Time, message.Id.Slot) };
        await Eventually.HoldsAsync(async () => (leased > 0 && store.Window.Size.Waiting > 0) || (await store.Reader.FindUnitsAsync(message.Id, Cancellation)).Count == 0, Cancellation);
        await store.Queue.EnqueueAsync(known, null, Cancellation);
        var found = await store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime();
        Assert.Equal(leased, found.Count(l => l.Id == lease.Id));
        Assert.Single(found, l => l.Message.Id == known.Id);
    }

    [Fact]
    public async Task Mail_that_another_node_accepts_reaches_the_owner()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using var owner = await StoreUnderTest.StartAsync(redis.ConnectionString, StoreUnderTest.NewFolder(), Time, Cancellation);
        await using var door = await StoreUnderTest.StartAsync(
            redis.ConnectionString, StoreUnderTest.NewFolder(), Time, Cancellation, ("Roles:0", "intake"));
        Assert.True(door.Get<IStoreHealth>().IsReady);

        for (var i = 0; i < 3; i++)
        {
            var message = TestMail.To(Time, "a@x.test");
            Assert.IsType<EnqueueResult.Accepted>(await door.Queue.EnqueueAsync(message, null, Cancellation));
            Assert.Equal(message.Id, Assert.Single(await owner.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime()).Message.Id);
        }
    }

    private static void GiveUp(StoreUnderTest store, Message message)
    {
        var unanswered = new PendingAccept(store.Store.PartitionOf(message.Id), new PreparedMessage(message, store.Store.Mark));
        unanswered.Answered(null);
        store.Get<Canceller>().Cancel(unanswered, null);
    }
}
