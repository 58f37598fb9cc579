using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis.Queue;
using Relay.Redis.Steps;
using Relay.TestKit.Redis;

namespace Relay.Tests.Redis.Nodes;

/// <summary>However nodes come and go, every partition has one owner, and each node as many as any other.</summary>
public sealed class SharesTests
{
    // For tests in which nobody loses anything, however long the machine halts.
    private const string LongLease = "00:00:15";

    private static readonly TimeProvider Time = TimeProvider.System;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Nodes_share_the_partitions_evenly_as_they_come_and_as_they_go()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using var first = await StartAsync(redis);
        await Eventually.HoldsAsync(() => Owned(first) == 16, Cancellation);

        await using var second = await StartAsync(redis);
        await using var third = await StartAsync(redis);
        await Eventually.HoldsAsync(() => IsShared(first, second, third), Cancellation);

        await second.StopAsync();
        await Eventually.HoldsAsync(() => IsShared(first, third), Cancellation);
    }

    [Fact]
    public async Task A_killed_node_s_share_is_taken_over_when_its_leases_have_ended()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using var first = await StartAsync(redis);
        await using (var second = await StartAsync(redis))
        {
            await Eventually.HoldsAsync(() => IsShared(first, second), Cancellation);
        }

        await Eventually.HoldsAsync(() => Owned(first) == 16, Cancellation);
    }

    /// <summary>As on a cluster, where a shard may be away while the others serve.</summary>
    [Fact]
    public async Task Partitions_of_which_nothing_can_be_learned_keep_nobody_from_taking_over_the_others()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using var shim = new RedisShim(redis);
        await using var first = await StoreUnderTest.StartAsync(shim.ConnectionString, StoreUnderTest.NewFolder(), Time, Cancellation, ("Queue:Lease", "00:00:03"));
        string[] away;
        await using (var second = await StartAsync(redis))
        {
            await Eventually.HoldsAsync(() => IsShared(first, second), Cancellation);
            away = [first.Store.Partitions.First(p => p.IsOwned).Keys.Lease.ToString(), second.Store.Partitions.First(p => p.IsOwned).Keys.Lease.ToString()];
        }

        shim.Instead = command => command is [_, var key, ..] && away.Contains(key) ? ["EVAL", "return redis.error_reply('CLUSTERDOWN The cluster is down')", "0"] : null;

        await Eventually.HoldsAsync(() => Owned(first) == 15, Cancellation);
        shim.Instead = _ => null;
        await Eventually.HoldsAsync(() => Owned(first) == 16, Cancellation);
    }

    [Fact]
    public async Task A_lease_that_a_late_renewal_took_of_a_partition_given_away_is_given_back()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using var first = await StartAsync(redis, lease: "00:01:00");
        await using var second = await StartAsync(redis, lease: "00:01:00");
        await Eventually.HoldsAsync(() => IsShared(first, second), Cancellation);
        var given = second.Store.Partitions.First(p => p.IsOwned);

        await redis.AskAsync(Cancellation, "SET", given.Keys.Lease.ToString(), first.Store.Owner, "EX", "60");
        await Eventually.HoldsAsync(
            async () =>
            {
                await second.Get<Ownership>().ClaimAsync();
                return !given.IsOwned;
            },
            Cancellation);

        // Sooner than the lease ends by itself.
        await Eventually.HoldsAsync(
            async () =>
            {
                await first.Get<Ownership>().ClaimAsync();
                await second.Get<Ownership>().ClaimAsync();
                return IsShared(first, second);
            },
            Cancellation);
    }

    [Fact]
    public async Task A_renewal_that_ends_in_the_next_turn_as_the_owner_says_nothing_about_that_one()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using var shim = new RedisShim(redis);
        await using var store = await StoreUnderTest.StartAsync(shim.ConnectionString, StoreUnderTest.NewFolder(), Time, Cancellation, ("Queue:Lease", "00:01:00"));
        var partition = store.Store.Partitions[3];
        var (lease, settled) = (partition.Keys.Lease.ToString(), partition.Keys.Settled.ToString());
        var term = 0L;
        var isRenewed = false;
        shim.Instead = command =>
        {
            if (Volatile.Read(ref term) == 0 && command[0] == "GET" && command[1] == settled)
            {
                // The renewal has taken the lease that had ended, and asks who came in between: nobody but we.
                var next = partition.Settled.NextEpoch(Random.Shared);
                partition.Lose();
                partition.Take(next, next);
                Volatile.Write(ref term, partition.Term);
            }
            else if (Volatile.Read(ref term) != 0 && command[0] is "EXPIRE" or "PEXPIRE" && command[1] == lease)
            {
                Volatile.Write(ref isRenewed, true);
            }

            return null;
        };

        await redis.AskAsync(Cancellation, "DEL", lease);
        await Eventually.HoldsAsync(
            async () =>
            {
                await store.Get<Ownership>().ClaimAsync();
                return Volatile.Read(ref isRenewed);
            },
            Cancellation);

        Assert.Equal((true, term), (partition.IsOwned, partition.Term));
    }

    [Fact]
    public async Task A_node_that_starts_again_has_its_share_at_once_and_under_another_name()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        var folder = StoreUnderTest.NewFolder();
        string former;
        List<long> epochs;
        await using (var store = await StartAsync(redis, folder))
        {
            former = store.Store.Owner;
            epochs = [.. store.Store.Partitions.Select(p => p.Settled.Epoch)];
        }

        await using var again = await StartAsync(redis, folder);

        await Eventually.HoldsAsync(() => Owned(again) == 16, Cancellation);
        Assert.NotEqual(former, again.Store.Owner);
        Assert.All(again.Store.Partitions, p => Assert.True(p.Settled.Epoch > epochs[p.Number]));
        var nodes = await again.Get<INodeReader>().ListAsync(Cancellation);
        Assert.Equal(again.Store.NodeId, Assert.Single(nodes.Nodes).Id);
    }

    [Fact]
    public async Task A_partition_is_handed_over_when_its_attempt_has_ended_and_nothing_new_begins_meanwhile()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using var first = await StartAsync(redis, lease: "00:01:00");
        var message = TestMail.To(Time, "a@x.test") with { Id = MessageId.Create(Time, 15) };
        await first.Queue.EnqueueAsync(message, null, Cancellation);
        var begun = Assert.Single(await first.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());
        Assert.True(first.Queue.TryBegin(begun));
        var other = TestMail.To(Time, "a@x.test") with { Id = MessageId.Create(Time, 15) };
        await first.Queue.EnqueueAsync(other, null, Cancellation);
        var leased = Assert.Single(await first.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());

        await using var second = await StartAsync(redis, lease: "00:01:00");
        await Eventually.HoldsAsync(() => Owned(second) == 7 && first.Store.Partitions[15].IsLeaving, Cancellation);
        Assert.False(first.Queue.TryBegin(leased));
        first.Queue.Release(leased);
        Assert.True(await first.Queue.TryBeginDotAsync(begun, "mx.x.test", Cancellation));
        await first.Queue.SettleAsync(TestMail.Delivered(begun, Time), Cancellation).InTime();

        await Eventually.HoldsAsync(() => IsShared(first, second), Cancellation);
        var lease = Assert.Single(await second.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());
        Assert.Equal((other.Id, null), (lease.Message.Id, lease.Unheard));
        Assert.False(first.Queue.TryBegin(leased));
        Assert.False(await first.Queue.TryBeginDotAsync(leased, "mx.x.test", Cancellation));
    }

    [Fact]
    public async Task Of_a_node_that_is_killed_while_it_hands_over_what_was_past_its_dot_is_uncertain_and_the_rest_untried()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        var (past, waiting) = (TestMail.To(Time, "a@x.test") with { Id = MessageId.Create(Time, 15) }, TestMail.To(Time, "a@x.test") with { Id = MessageId.Create(Time, 15) });
        await using var second = await HandOverAndDieAsync(redis, past, waiting);

        var leases = new List<Lease>();
        while (leases.Count < 2)
        {
            leases.AddRange(await second.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());
        }

        Assert.Equal("mx.x.test", leases.Single(lease => lease.Message.Id == past.Id).Unheard?.Host);
        Assert.Null(leases.Single(lease => lease.Message.Id == waiting.Id).Unheard);
    }

    private static async Task<StoreUnderTest> HandOverAndDieAsync(RedisServer redis, Message past, Message waiting)
    {
        await using var first = await StartAsync(redis);
        await first.Queue.EnqueueAsync(past, null, Cancellation);
        await first.BeginDotAsync(Assert.Single(await first.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime()), "mx.x.test", Cancellation);
        await first.Queue.EnqueueAsync(waiting, null, Cancellation);

        // Its part is to be the second's, and is not yet.
        var second = await StartAsync(redis);
        await Eventually.HoldsAsync(() => !first.Store.Partitions[15].IsServed, Cancellation);
        return second;
    }

    [Fact]
    public async Task Mail_goes_into_a_partition_of_the_node_that_takes_it()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using var first = await StartAsync(redis, lease: LongLease);
        await using var second = await StartAsync(redis, lease: LongLease);
        await Eventually.HoldsAsync(() => IsShared(first, second), Cancellation);

        Assert.All(Enumerable.Range(0, 6400), _ => Assert.True(first.Store.PartitionOfSlot(first.Queue.ChooseSlot()).IsOwned));
        Assert.All(Enumerable.Range(0, 6400), _ => Assert.True(second.Store.PartitionOfSlot(second.Queue.ChooseSlot()).IsOwned));
    }

    [Fact]
    public async Task No_mail_goes_into_a_partition_whose_lease_could_not_be_renewed()
    {
        // By a clock that stands still it is not renewed either.
        var stopped = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using var store = await StoreUnderTest.StartAsync(redis.ConnectionString, StoreUnderTest.NewFolder(), stopped, Cancellation);
        foreach (var partition in store.Store.Partitions.Where(p => p.Number % 3 == 0))
        {
            partition.Renew(0);
        }

        Assert.All(Enumerable.Range(0, 6400), _ => Assert.NotEqual(0, store.Store.PartitionOfSlot(store.Queue.ChooseSlot()).Number % 3));
    }

    [Fact]
    public async Task Who_owns_what_is_told_by_any_node()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using var first = await StartAsync(redis, lease: LongLease);
        await using var second = await StartAsync(redis, lease: LongLease);
        await using var door = await StartAsync(redis, lease: LongLease, settings: ("Roles:0", "Intake"));
        await Eventually.HoldsAsync(() => IsShared(first, second), Cancellation);
        var message = TestMail.To(Time, "a@x.test");
        await door.Queue.EnqueueAsync(message, null, Cancellation);

        var overview = await door.Get<INodeReader>().ListAsync(Cancellation);

        Assert.Equal([first.Store.NodeId, second.Store.NodeId, door.Store.NodeId], overview.Nodes.Select(n => n.Id));
        Assert.Equal([8, 8, 0], overview.Nodes.Select(n => n.Partitions.Count));
        Assert.Equal(["intake"], overview.Nodes[2].Roles);
        Assert.Empty(overview.Unowned);
        var partitions = overview.Nodes.SelectMany(n => n.Partitions).ToList();
        Assert.Equal(1, partitions.Single(p => p.Number == door.Store.PartitionOf(message.Id).Number).Units);
        Assert.Equal(1, partitions.Sum(p => p.Units));
    }

    [Fact]
    public async Task An_owner_is_woken_by_mail_that_another_node_accepts()
    {
        // By the owner's clock no time passes, so nothing it looks at from time to time tells it.
        var stopped = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(DateTimeOffset.UtcNow + TimeSpan.FromMinutes(1));
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using var owner = await StoreUnderTest.StartAsync(redis.ConnectionString, StoreUnderTest.NewFolder(), stopped, Cancellation);
        await using var door = await StartAsync(redis, settings: ("Roles:0", "intake"));
        await using var watched = await StackExchange.Redis.ConnectionMultiplexer.ConnectAsync(redis.ConnectionString);
        await Eventually.HoldsAsync(async () => (long)await watched.GetDatabase().ExecuteAsync("PUBSUB", "NUMPAT") >= 0 && await SubscribersAsync(watched) >= 2, Cancellation);

        var message = TestMail.To(Time, "a@x.test");
        await door.Queue.EnqueueAsync(message, null, Cancellation);

        Assert.Equal(message.Id, Assert.Single(await owner.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime()).Message.Id);
    }

    [Fact]
    public async Task An_owner_that_could_not_listen_when_it_started_is_woken_all_the_same()
    {
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(DateTimeOffset.UtcNow + TimeSpan.FromMinutes(1));
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using var watched = await StackExchange.Redis.ConnectionMultiplexer.ConnectAsync(redis.ConnectionString);
        await redis.AskAsync(Cancellation, "ACL", "SETUSER", "default", "resetchannels");
        await using var owner = await StoreUnderTest.StartAsync(redis.ConnectionString, StoreUnderTest.NewFolder(), time, Cancellation);
        await Eventually.HoldsAsync(async () => (await redis.AskAsync(Cancellation, "INFO", "errorstats")).Contains("errorstat_NOPERM", StringComparison.Ordinal), Cancellation);

        await redis.AskAsync(Cancellation, "ACL", "SETUSER", "default", "allchannels");
        await Eventually.HoldsAsync(
            async () =>
            {
                time.Advance(TimeSpan.FromSeconds(1));
                return await SubscribersAsync(watched) == 1;
            },
            Cancellation);
        await using var door = await StartAsync(redis, settings: ("Roles:0", "intake"));
        var message = TestMail.To(Time, "a@x.test");
        await door.Queue.EnqueueAsync(message, null, Cancellation);

        Assert.Equal(message.Id, Assert.Single(await owner.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime()).Message.Id);
    }

    [Fact]
    public async Task Many_messages_at_once_wake_their_owner_a_few_times()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using var door = await StartAsync(redis, settings: ("Roles:0", "intake"));

        await Task.WhenAll(Enumerable.Range(0, 400).Select(_ => door.Queue.EnqueueAsync(TestMail.To(Time, "a@x.test"), null, Cancellation).AsTask()));

        await door.Get<Relay.Redis.Nodes.Wakes>().FlushAsync();
        await Eventually.HoldsAsync(async () => await WakesAsync(door) > 0, Cancellation);
        Assert.InRange(await WakesAsync(door), 1, 100);
    }

    private static async Task<int> WakesAsync(StoreUnderTest store)
    {
        var stats = (string?)await store.Connections.Reading.ExecuteAsync("INFO", "commandstats");
        var calls = System.Text.RegularExpressions.Regex.Match(stats!, @"cmdstat_publish:calls=(\d+)").Groups[1].Value;
        return calls.Length == 0 ? 0 : int.Parse(calls, System.Globalization.CultureInfo.InvariantCulture);
    }

    private static async Task<long> SubscribersAsync(StackExchange.Redis.IConnectionMultiplexer redis) =>
        (long)((StackExchange.Redis.RedisResult[])(await redis.GetDatabase().ExecuteAsync("PUBSUB", "NUMSUB", "relay:wake"))!)[1];

    private static Task<StoreUnderTest> StartAsync(RedisServer redis, string? folder = null, string lease = "00:00:03", params (string, string)[] settings) =>
        StoreUnderTest.StartAsync(redis.ConnectionString, folder ?? StoreUnderTest.NewFolder(), Time, Cancellation, [("Queue:Lease", lease), .. settings]);

    private static int Owned(StoreUnderTest store) => store.Store.Partitions.Count(p => p.IsOwned);

    private static bool IsShared(params StoreUnderTest[] stores) =>
        stores.Sum(Owned) == 16 && stores.All(s => Owned(s) >= 16 / stores.Length)
        && Enumerable.Range(0, 16).All(number => stores.Count(s => s.Store.Partitions[number].IsOwned) == 1);
}
