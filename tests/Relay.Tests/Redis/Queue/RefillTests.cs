using System.Buffers;
using Microsoft.Extensions.Time.Testing;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis.Steps;
using Relay.TestKit.Redis;
using StackExchange.Redis;

namespace Relay.Tests.Redis.Queue;

/// <summary>What stands only in the store: read back as it is due, in bounded memory, and never dropped.</summary>
public sealed class RefillTests : IAsyncLifetime
{
    private RedisServer _redis = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _redis = await RedisServer.StartAsync(Cancellation, "everysec");

    public ValueTask DisposeAsync() => _redis.DisposeAsync();

    [Fact]
    public async Task Memory_does_not_grow_with_the_backlog()
    {
        await using var store = await StartAsync(TimeProvider.System, ("Queue:WindowUnits", "64"));
        const int count = 1_500;
        for (var i = 0; i < count; i++)
        {
            await store.Queue.EnqueueAsync(TestMail.For(TimeProvider.System, $"account{i % 3}", $"a@d{i % 4}.test"), null, Cancellation);
        }

        var seen = new HashSet<UnitId>();
        while (seen.Count < count)
        {
            // A lane with nothing in hand always gets one in; eight lanes at once may be on their way.
            Assert.InRange(store.Window.Size.Waiting, 0, 64 + 12);
            Assert.InRange(store.Window.Size.Held, 0, 64 + 12 + (8 * 32) + 10);
            foreach (var lease in await store.Queue.LeaseDueAsync(TestMail.Everything with { MaxUnits = 10 }, Cancellation).InTime())
            {
                Assert.True(seen.Add(lease.Id), $"{lease.Id} was leased twice");
                await store.Queue.SettleAsync(TestMail.Delivered(lease, TimeProvider.System), Cancellation).InTime();
            }
        }
    }

    [Fact]
    public async Task A_bulk_run_does_not_keep_another_account_waiting()
    {
        await using var store = await StartAsync(TimeProvider.System, ("Queue:WindowUnits", "64"));
        for (var i = 0; i < 300; i++)
        {
            await store.Queue.EnqueueAsync(TestMail.For(TimeProvider.System, "bulk", "a@x.test"), null, Cancellation);
        }

        var urgent = TestMail.For(TimeProvider.System, "small", "a@x.test");
        await store.Queue.EnqueueAsync(urgent, null, Cancellation);

        var first = await store.Queue.LeaseDueAsync(TestMail.Everything with { MaxUnits = 2 }, Cancellation).InTime();
        Assert.Contains(first, lease => lease.Message.Id == urgent.Id);
    }

    [Fact]
    public async Task Units_are_leased_once_however_accepts_refills_and_settlements_meet()
    {
        await using var store = await StartAsync(TimeProvider.System, ("Queue:WindowUnits", "64"), ("Queue:Partitions", "2"));
        const int count = 1_500;
        var accepts = Task.WhenAll(Enumerable.Range(0, 6).Select(worker => Task.Run(async () =>
        {
            for (var i = worker; i < count; i += 6)
            {
                await store.Queue.EnqueueAsync(TestMail.For(TimeProvider.System, $"account{i % 4}", $"a@d{i % 5}.test"), null, Cancellation);
            }
        })));

        // Each unit is deferred once, so that it comes back through the store, and released now and then.
        var attempts = new Dictionary<UnitId, int>();
        var done = 0;
        var random = new Random(7);
        while (done < count)
        {
            var leases = await store.Queue.LeaseDueAsync(TestMail.Everything with { MaxUnits = 40 }, Cancellation).InTime();
            var settles = new List<Task>();
            foreach (var lease in leases)
            {
                if (random.Next(10) == 0)
                {
                    store.Queue.Release(lease);
                    continue;
                }

                Assert.Equal(attempts.GetValueOrDefault(lease.Id), lease.Attempts);
                attempts[lease.Id] = lease.Attempts + 1;
                var isLast = lease.Attempts == 1;
                done += isLast ? 1 : 0;
                settles.Add(store.Queue.SettleAsync(
                    isLast ? TestMail.Delivered(lease, TimeProvider.System) : TestMail.Deferred(lease, TimeProvider.System, TimeSpan.FromMilliseconds(random.Next(200))),
                    Cancellation).InTime());
            }

            await Task.WhenAll(settles);
        }

        await accepts;
        Assert.All(attempts.Values, made => Assert.Equal(2, made));
        Assert.Equal(0, (await store.Reader.MeasureAsync(Cancellation)).Units);
    }

    [Fact]
    public async Task A_record_that_cannot_be_read_is_set_aside_and_its_lane_goes_on()
    {
        var folder = StoreUnderTest.NewFolder();
        var broken = TestMail.To(TimeProvider.System, "a@x.test");
        var whole = TestMail.To(TimeProvider.System, "a@x.test") with { Id = MessageId.Create(TimeProvider.System, broken.Id.Slot) };
        RedisKey record;
        await using (var store = await StartAsync(TimeProvider.System, folder))
        {
            await store.Queue.EnqueueAsync(broken, null, Cancellation);
            await store.Queue.EnqueueAsync(whole, null, Cancellation);
            record = store.Store.PartitionOf(broken.Id).Keys.Message(broken.Id);
            await store.Connections.Background.StringSetAsync(record, "\u0009what is this"u8.ToArray());
        }

        await using var again = await StartAsync(TimeProvider.System, folder);

        Assert.Equal(whole.Id, Assert.Single(await again.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime()).Message.Id);
        var keys = again.Store.PartitionOf(broken.Id).Keys;
        await Eventually.HoldsAsync(async () => await again.Connections.Reading.ListLengthAsync(keys.Unreadable) == 1, Cancellation);
        Assert.Contains($"{broken.Id}/0", (await again.Connections.Reading.ListGetByIndexAsync(keys.Unreadable, 0)).ToString());
        Assert.True(await again.Connections.Reading.KeyExistsAsync(record));
        Assert.Equal(1, (await again.Reader.MeasureAsync(Cancellation)).Units);
    }

    [Fact]
    public async Task An_entry_without_its_record_is_looked_at_again_before_it_is_set_aside()
    {
        var folder = StoreUnderTest.NewFolder();
        var late = TestMail.To(TimeProvider.System, "late@x.test");
        var lost = TestMail.To(TimeProvider.System, "lost@y.test");
        RedisValue record;
        await using (var store = await StartAsync(TimeProvider.System, folder))
        {
            await store.Queue.EnqueueAsync(late, null, Cancellation);
            await store.Queue.EnqueueAsync(lost, null, Cancellation);
            record = await store.Connections.Background.StringGetDeleteAsync(store.Store.PartitionOf(late.Id).Keys.Message(late.Id));
            await store.Connections.Background.KeyDeleteAsync(store.Store.PartitionOf(lost.Id).Keys.Message(lost.Id));
        }

        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var again = await StartAsync(time, folder);
        await Eventually.HoldsAsync(() => again.Window.Size.Held == 2, Cancellation);
        var lostKeys = again.Store.PartitionOf(lost.Id).Keys;
        Assert.Equal(0, await again.Connections.Reading.ListLengthAsync(lostKeys.Unreadable));

        await again.Connections.Background.StringSetAsync(again.Store.PartitionOf(late.Id).Keys.Message(late.Id), record);
        await Eventually.HoldsAsync(
            async () =>
            {
                time.Advance(TimeSpan.FromSeconds(10));
                return await again.Connections.Reading.ListLengthAsync(lostKeys.Unreadable) == 1;
            },
            Cancellation);

        // The clock has leapt past the end of the partition's lease, which is renewed only as it goes on.
        var leases = await again.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).WhilePassing(time, TimeSpan.FromSeconds(1), Cancellation);
        Assert.Equal(late.Id, Assert.Single(leases).Message.Id);
    }

    [Fact]
    public async Task The_record_goes_with_the_last_of_its_units()
    {
        await using var store = await StartAsync(TimeProvider.System);
        var message = TestMail.To(TimeProvider.System, "a@x.test", "b@y.test", "c@z.test");
        await store.Queue.EnqueueAsync(message, null, Cancellation);
        var keys = store.Store.PartitionOf(message.Id).Keys;
        var leases = await store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime();
        Assert.Equal(3, leases.Count);

        await store.Queue.SettleAsync(TestMail.Delivered(leases[0], TimeProvider.System), Cancellation).InTime();
        Assert.True(await store.Connections.Reading.KeyExistsAsync(keys.Message(message.Id)));

        // The last two in one step.
        await Task.WhenAll(leases.Skip(1).Select(lease => store.Queue.SettleAsync(TestMail.Delivered(lease, TimeProvider.System), Cancellation).InTime()));
        Assert.False(await store.Connections.Reading.KeyExistsAsync(keys.Message(message.Id)));
        Assert.False(await store.Connections.Reading.KeyExistsAsync(keys.Open(message.Id)));
    }

    [Fact]
    public async Task What_waits_for_its_time_is_found_though_its_lane_got_mail_since_the_node_started()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        var folder = StoreUnderTest.NewFolder();
        var waiting = TestMail.To(time, "a@x.test");
        await using (var store = await StartAsync(time, folder, ("Queue:Partitions", "1")))
        {
            await store.Queue.EnqueueAsync(waiting, null, Cancellation);
            var lease = Assert.Single(await store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());
            var deferred = TestMail.Deferred(lease, time, TimeSpan.FromMinutes(10));
            await store.Queue.SettleAsync(deferred, Cancellation).InTime();
            await Eventually.HoldsAsync(
                async () =>
                {
                    time.Advance(TimeSpan.FromSeconds(1));
                    var bound = await store.Connections.Reading.SortedSetScoreAsync(store.Store.Partitions[0].Keys.Lanes, lease.Unit.Lane.ToString());
                    return bound == deferred.DueAt!.Value.ToUnixTimeMilliseconds();
                },
                Cancellation);
            await store.StopAsync();
        }

        // The lane stands in lanes for later, and then for now, so that the look at that later time does not come past it.
        await using var again = await StartAsync(time, folder, ("Queue:Partitions", "1"));
        await Eventually.HoldsAsync(() => again.Store.Partitions[0].Look.Next is > 0 and < long.MaxValue, Cancellation);
        await again.Queue.EnqueueAsync(TestMail.To(time, "b@x.test"), null, Cancellation);
        Assert.Single(await again.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());

        time.Advance(TimeSpan.FromMinutes(11));
        var leases = await again.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).WhilePassing(time, TimeSpan.FromSeconds(1), Cancellation);
        Assert.Equal(waiting.Id, Assert.Single(leases).Message.Id);
    }

    [Fact]
    public async Task A_quiet_lane_leaves_nothing_behind()
    {
        await using var store = await StartAsync(TimeProvider.System);
        var message = TestMail.To(TimeProvider.System, "a@x.test");
        await store.Queue.EnqueueAsync(message, null, Cancellation);
        var lease = Assert.Single(await store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());
        await store.Queue.SettleAsync(TestMail.Delivered(lease, TimeProvider.System), Cancellation).InTime();

        await Eventually.HoldsAsync(
            async () => !await store.Connections.Reading.KeyExistsAsync(store.Store.PartitionOf(message.Id).Keys.Lanes), Cancellation);
        await Eventually.HoldsAsync(() => store.Window.Size.Held == 0, Cancellation);
    }

    [Fact]
    public async Task A_quiet_lane_is_come_back_to_when_the_store_was_away_the_first_time()
    {
        await using var proxy = new RedisProxy(_redis.Port);
        await using var store = await StoreUnderTest.StartAsync(proxy.ConnectionString, StoreUnderTest.NewFolder(), TimeProvider.System, Cancellation);
        var message = TestMail.To(TimeProvider.System, "a@x.test");
        await store.Queue.EnqueueAsync(message, null, Cancellation);
        var lease = Assert.Single(await store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());

        proxy.LoseAnswerTo("EXISTS", ":lane:");
        await store.Queue.SettleAsync(TestMail.Delivered(lease, TimeProvider.System), Cancellation).InTime();
        await proxy.Lost.WaitAsync(TimeSpan.FromSeconds(30), Cancellation);

        await using var direct = await ConnectionMultiplexer.ConnectAsync(_redis.ConnectionString);
        await Eventually.HoldsAsync(async () => !await direct.GetDatabase().KeyExistsAsync(store.Store.PartitionOf(message.Id).Keys.Lanes), Cancellation);
    }

    [Fact]
    public async Task An_entry_without_a_record_that_left_its_lane_is_forgotten_and_waited_for_anew_if_it_comes_back()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        var grace = TimeSpan.FromSeconds(2);
        await using var store = await StartAsync(time, ("Queue:Partitions", "1"), ("Queue:MissingRecordGrace", grace.ToString()));
        var (keys, lane) = (store.Store.Partitions[0].Keys, new Lane("x.test", "acme", MessageClass.Transactional));
        var message = TestMail.To(time, "a@x.test");
        var unit = new UnitId(message.Id, 0);
        await ComesAsync(unit, lane);

        await store.Connections.Reading.SortedSetRemoveAsync(keys.Lane(lane), unit.ToString());
        await HeldWhilePassingAsync(0);
        time.Advance(grace);

        // By the second of these all that is known has been looked through again.
        await ComesAsync(new UnitId(MessageId.Create(time), 0), new Lane("y.test", "acme", MessageClass.Transactional));
        await ComesAsync(new UnitId(MessageId.Create(time), 0), new Lane("z.test", "acme", MessageClass.Transactional), held: 2);
        await ComesAsync(unit, lane, held: 3);
        await store.Connections.Reading.StringSetAsync(keys.Message(message.Id), new PreparedMessage(message, 1).Record.ToArray());

        var lease = Assert.Single(await store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).WhilePassing(time, TimeSpan.FromMilliseconds(100), Cancellation));
        Assert.Equal(unit, lease.Id);

        async Task ComesAsync(UnitId id, Lane name, int held = 1)
        {
            await store.Connections.Reading.SortedSetAddAsync(keys.Lane(name), id.ToString(), 1);
            store.Window.Arrived(store.Store.Partitions[0], name, 1);
            await Eventually.HoldsAsync(() => store.Window.Size.Held == held, Cancellation);
        }

        Task HeldWhilePassingAsync(int held) => Eventually.HoldsAsync(
            () =>
            {
                time.Advance(TimeSpan.FromMilliseconds(500));
                return store.Window.Size.Held == held;
            },
            Cancellation);
    }

    [Fact]
    public async Task Activity_is_forgotten_a_week_after_the_end_and_never_before()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var store = await StartAsync(time);
        var ended = TestMail.To(time, "a@x.test");
        await store.Queue.EnqueueAsync(ended, null, Cancellation);
        var lease = Assert.Single(await store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());
        await store.Queue.SettleAsync(TestMail.Delivered(lease, time), Cancellation).InTime();
        var open = TestMail.To(time, "a@x.test") with { SendAt = time.GetUtcNow().AddDays(30) };
        await store.Queue.EnqueueAsync(open, null, Cancellation);
        var keys = store.Store.PartitionOf(ended.Id).Keys;
        await Eventually.HoldsAsync(
            async () =>
            {
                time.Advance(TimeSpan.FromMilliseconds(200));
                return await store.Connections.Reading.SortedSetLengthAsync(keys.Ended) == 1;
            },
            Cancellation);
        Assert.Equal(2, (await store.Activity.ListAsync("acme", null, 10, Cancellation)).Count);

        time.Advance(TimeSpan.FromDays(7));
        await Eventually.HoldsAsync(
            async () =>
            {
                time.Advance(TimeSpan.FromSeconds(30));
                return await store.Activity.FindAsync("acme", ended.Id, Cancellation) is null;
            },
            Cancellation);

        Assert.Equal(open.Id, Assert.Single(await store.Activity.ListAsync("acme", null, 10, Cancellation)).Id);
    }

    private Task<StoreUnderTest> StartAsync(TimeProvider time, params (string, string)[] settings) => StartAsync(time, StoreUnderTest.NewFolder(), settings);

    private Task<StoreUnderTest> StartAsync(TimeProvider time, string folder, params (string, string)[] settings) =>
        StoreUnderTest.StartAsync(_redis.ConnectionString, folder, time, Cancellation, settings);
}
