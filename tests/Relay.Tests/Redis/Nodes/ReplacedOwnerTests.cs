using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.TestKit.Redis;
using StackExchange.Redis;

namespace Relay.Tests.Redis.Nodes;

/// <summary>An owner that was cut off, paused or killed while units were at a remote: no second copy that nobody admits, no outcome lost.</summary>
public sealed class ReplacedOwnerTests
{
    private static readonly TimeProvider Time = TimeProvider.System;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_was_past_its_dot_is_uncertain_for_the_successor_and_its_outcome_counts_when_it_comes()
    {
        await using var story = await Story.BeginAsync();
        var late = story.Lease;
        await story.ReplaceAsync();

        var unheard = Assert.Single(await story.Heir.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());
        Assert.Equal((late.Id, "mx.x.test"), (unheard.Id, unheard.Unheard!.Host));
        await story.Heir.Queue.SettleAsync(Uncertain(unheard, TimeSpan.FromHours(1)), Cancellation).InTime();

        story.Proxy.Mend();
        await story.Old.Queue.SettleAsync(TestMail.Delivered(late, Time), Cancellation).InTime();

        await Eventually.HoldsAsync(async () => (await story.Heir.Reader.MeasureAsync(Cancellation)).Units == 0, Cancellation);
        Assert.Equal([MailEventType.Accepted, MailEventType.Uncertain, MailEventType.Delivered], await story.EventsAsync());
        Assert.Empty(await story.NotesAsync());
        await Eventually.HoldsAsync(async () => await story.Heir.Connections.Reading.ListLengthAsync(story.Partition.Keys.Late) == 0, Cancellation);
    }

    [Fact]
    public async Task What_was_past_its_dot_before_another_node_came_is_uncertain_for_that_one_too()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using var proxy = new RedisProxy(redis.Port);
        await using var old = await StoreUnderTest.StartAsync(proxy.ConnectionString, StoreUnderTest.NewFolder(), Time, Cancellation, ("Queue:Lease", "00:00:03"));
        List<Lease> leases = [];
        for (var n = 0; n < 2; n++)
        {
            // The first partition stays with its owner as long as it lives.
            await old.Queue.EnqueueAsync(TestMail.To(Time, "a@x.test") with { Id = MessageId.Create(Time, 0) }, null, Cancellation).InTime();
            leases.Add(Assert.Single(await old.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime()));
            await old.BeginDotAsync(leases[n], "mx.x.test", Cancellation);
        }

        await using var heir = await StoreUnderTest.StartAsync(redis.ConnectionString, StoreUnderTest.NewFolder(), Time, Cancellation, ("Queue:Lease", "00:00:03"));
        await Eventually.HoldsAsync(() => old.Store.Partitions.Count(p => p.IsOwned) == 8, Cancellation);

        // One has ended meanwhile; of the other nobody hears more.
        await old.Queue.SettleAsync(TestMail.Delivered(leases[0], Time), Cancellation).InTime();
        Assert.Equal(1, await heir.Connections.Reading.HashLengthAsync(heir.Store.Partitions[0].Keys.Dots));
        proxy.Cut();
        await Eventually.HoldsAsync(() => heir.Store.Partitions.All(p => p.IsOwned), Cancellation);

        var unheard = Assert.Single(await heir.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());
        Assert.Equal((leases[1].Id, "mx.x.test"), (unheard.Id, unheard.Unheard?.Host));
    }

    [Fact]
    public async Task A_late_delivery_of_what_was_delivered_since_is_admitted_and_changes_no_end()
    {
        await using var story = await Story.BeginAsync();
        var late = story.Lease;
        await story.ReplaceAsync();
        var unheard = Assert.Single(await story.Heir.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());
        await story.Heir.Queue.SettleAsync(Uncertain(unheard, TimeSpan.Zero), Cancellation).InTime();
        var second = Assert.Single(await story.Heir.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());
        Assert.Null(second.Unheard);
        await story.Heir.Queue.SettleAsync(TestMail.Delivered(second, Time), Cancellation).InTime();

        story.Proxy.Mend();
        await story.Old.Queue.SettleAsync(TestMail.Delivered(late, Time), Cancellation).InTime();

        await Eventually.HoldsAsync(async () => (await story.EventsAsync()).Count == 4, Cancellation);
        var activity = (await story.Heir.Activity.FindAsync("acme", late.Message.Id, Cancellation))!;
        Assert.Equal((MailEventType.Uncertain, "node.delivered-twice", 1), (activity.Events[^1].Type, activity.Events[^1].Rule, activity.Events[^1].Attempt));
        Assert.Equal(RecipientState.Delivered, Assert.Single(activity.Recipients()).State);
    }

    [Fact]
    public async Task What_was_not_past_its_dot_is_simply_tried_by_the_successor_and_never_sent_by_the_old_owner()
    {
        await using var story = await Story.BeginAsync(pastDot: false);
        var stale = story.Lease;
        await story.ReplaceAsync();

        var lease = Assert.Single(await story.Heir.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());
        Assert.Equal((stale.Id, null), (lease.Id, lease.Unheard));
        Assert.False(story.Old.Queue.TryBegin(stale));
        Assert.False(await story.Old.Queue.TryBeginDotAsync(stale, "mx.x.test", Cancellation));
        story.Proxy.Mend();
        await story.Heir.Queue.SettleAsync(TestMail.Delivered(lease, Time), Cancellation).InTime();
        Assert.False(await story.Old.Queue.TryBeginDotAsync(stale, "mx.x.test", Cancellation));
    }

    [Fact]
    public async Task A_lease_from_before_another_owner_s_turn_is_worth_nothing_when_the_partition_is_ours_again()
    {
        await using var story = await Story.BeginAsync();
        var stale = story.Lease;
        await story.ReplaceAsync();
        await story.Heir.StopAsync();
        story.Proxy.Mend();
        await Eventually.HoldsAsync(() => story.Old.Store.Partitions.All(p => p.IsOwned), Cancellation);

        Assert.False(story.Old.Queue.TryBegin(stale));
        Assert.False(await story.Old.Queue.TryBeginDotAsync(stale, "mx.x.test", Cancellation));

        // Its outcome goes the way of all late ones, though the owner is the same node.
        await story.Old.Queue.SettleAsync(TestMail.Delivered(stale, Time), Cancellation).InTime();
        await Eventually.HoldsAsync(async () => (await story.Old.Reader.MeasureAsync(Cancellation)).Units == 0, Cancellation);
        var activity = await story.Old.Activity.FindAsync("acme", stale.Message.Id, Cancellation);
        Assert.Equal([MailEventType.Accepted, MailEventType.Delivered], activity!.Events.Select(e => e.Type));
    }

    [Fact]
    public async Task A_note_that_arrives_when_its_owner_was_replaced_says_nothing_and_does_not_stay()
    {
        await using var story = await Story.BeginAsync(pastDot: false);
        var noting = await story.NoteAndStandStillAsync();
        await story.HeirHasAllAsync();
        var lease = Assert.Single(await story.Heir.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());
        Assert.Null(lease.Unheard);

        story.Proxy.Mend();
        Assert.False(await noting.WaitAsync(TimeSpan.FromSeconds(30), Cancellation));
        await story.Heir.Queue.SettleAsync(TestMail.Delivered(lease, Time), Cancellation).InTime();

        await Eventually.HoldsAsync(async () => (await story.NotesAsync()).Length == 0, Cancellation);
    }

    [Fact]
    public async Task What_was_noted_and_then_held_back_is_taken_for_untried_by_the_next_owner()
    {
        await using var story = await Story.BeginAsync(pastDot: false);
        var noting = await story.NoteAndStandStillAsync();
        story.Old.Store.PartitionOf(story.Lease.Message.Id).CloseDots();

        story.Proxy.Mend();
        Assert.False(await noting.WaitAsync(TimeSpan.FromSeconds(30), Cancellation));

        Assert.Empty(await story.NotesAsync());
    }

    [Fact]
    public async Task A_note_that_nobody_takes_back_is_removed_by_the_owner_who_keeps_his_own_of_the_same_unit()
    {
        await using var story = await Story.BeginAsync();
        var own = Assert.Single(await story.NotesAsync());
        var stray = new HashEntry($"{story.Lease.Id} 00000000.1", own.Value);
        await story.Heir.Connections.Reading.HashSetAsync(story.Partition.Keys.Dots, [stray]);

        await Eventually.HoldsAsync(async () => (await story.NotesAsync()).Length == 1, Cancellation);
        Assert.Equal([own], await story.NotesAsync());
        await story.Old.Queue.SettleAsync(TestMail.Delivered(story.Lease, Time), Cancellation).InTime();
        Assert.Empty(await story.NotesAsync());
    }

    private static Settlement Uncertain(Lease lease, TimeSpan delay) => TestMail.Deferred(lease, Time, delay) with
    {
        Events = [.. TestMail.Deferred(lease, Time, delay).Events.Select(e => e with { Type = MailEventType.Uncertain, Host = "mx.x.test" })],
        Next = TestMail.Deferred(lease, Time, delay).Next! with { UncertainHost = "mx.x.test", IsUnheard = true },
    };

    /// <summary>Two nodes; the old one has a unit of a partition of its own in hand, and is then cut off until the heir has all.</summary>
    private sealed class Story(RedisServer redis, RedisProxy proxy, StoreUnderTest old, StoreUnderTest heir, Lease lease) : IAsyncDisposable
    {
        public RedisProxy Proxy { get; } = proxy;
        public StoreUnderTest Old { get; } = old;
        public StoreUnderTest Heir { get; } = heir;
        public Lease Lease { get; } = lease;
        public Relay.Redis.Partition Partition => Heir.Store.PartitionOf(Lease.Id.Message);

        public static async Task<Story> BeginAsync(bool pastDot = true)
        {
            var redis = await RedisServer.StartAsync(Cancellation);
            var proxy = new RedisProxy(redis.Port);
            var old = await StoreUnderTest.StartAsync(proxy.ConnectionString, StoreUnderTest.NewFolder(), Time, Cancellation, ("Queue:Lease", "00:00:03"));
            var heir = await StoreUnderTest.StartAsync(redis.ConnectionString, StoreUnderTest.NewFolder(), Time, Cancellation, ("Queue:Lease", "00:00:03"));
            await Eventually.HoldsAsync(() => old.Store.Partitions.Count(p => p.IsOwned) == 8 && heir.Store.Partitions.Count(p => p.IsOwned) == 8, Cancellation);
            var message = TestMail.To(Time, "a@x.test") with { Id = MessageId.Create(Time, old.Queue.ChooseSlot()) };
            Assert.IsType<EnqueueResult.Accepted>(await old.Queue.EnqueueAsync(message, null, Cancellation).InTime());
            var lease = Assert.Single(await old.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());
            await (pastDot ? old.BeginDotAsync(lease, "mx.x.test", Cancellation) : old.BeginAsync(lease, Cancellation));
            return new Story(redis, proxy, old, heir, lease);
        }

        public Task ReplaceAsync()
        {
            Proxy.Cut();
            return HeirHasAllAsync();
        }

        public Task HeirHasAllAsync() => Eventually.HoldsAsync(() => Heir.Store.Partitions.All(p => p.IsOwned), Cancellation);

        /// <summary>The old owner notes that the unit is about to be at a remote; the note is on its way when the wire stands still.</summary>
        public async Task<Task<bool>> NoteAndStandStillAsync()
        {
            Proxy.StandStillAt(":dots", "mx.x.test");
            var noting = Task.FromResult(false);
            await Eventually.HoldsAsync(
                () =>
                {
                    // On a machine that halts for a while the lease may be too old, and is renewed.
                    noting = noting.IsCompleted ? Old.Queue.TryBeginDotAsync(Lease, "mx.x.test", Cancellation).AsTask() : noting;
                    return Proxy.Stood.IsCompleted;
                },
                Cancellation);
            return noting;
        }

        public Task<HashEntry[]> NotesAsync() => Heir.Connections.Reading.HashGetAllAsync(Partition.Keys.Dots);

        public async Task<IReadOnlyList<MailEventType>> EventsAsync() =>
            [.. (await Heir.Activity.FindAsync("acme", Lease.Message.Id, Cancellation))!.Events.Select(e => e.Type)];

        public async ValueTask DisposeAsync()
        {
            await Heir.DisposeAsync();
            await Old.DisposeAsync();
            await Proxy.DisposeAsync();
            await redis.DisposeAsync();
        }
    }
}
