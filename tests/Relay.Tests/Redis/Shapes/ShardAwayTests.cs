using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis;
using Relay.Redis.Keys;
using Relay.TestKit.Redis;

namespace Relay.Tests.Redis.Shapes;

/// <summary>A shard of a cluster is gone with its replica, and with it some of the keys that stand in no partition: what stands on the others goes on.</summary>
public sealed class ShardAwayTests : IAsyncLifetime
{
    // Keys of all kinds of things that no partition holds; those two are what nodes find each other and the store by.
    private const string Identity = "relay:store";
    private const string Registry = "relay:nodes";

    private const int Partitions = 64;

    private static readonly TimeProvider Time = TimeProvider.System;

    private readonly List<MessageId> _sent = [];
    private readonly HashSet<MessageId> _leased = [];
    private RedisCluster _redis = null!;
    private StoreUnderTest _first = null!;
    private StoreUnderTest _second = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _redis = await RedisCluster.StartAsync(Cancellation, settings: ["--cluster-require-full-coverage", "no"]);
        _first = await StartAsync();
        _second = await StartAsync();
        await Eventually.HoldsAsync(() => Owned(_first) == Partitions / 2 && Owned(_second) == Partitions / 2, Cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        await _first.DisposeAsync();
        await _second.DisposeAsync();
        await _redis.DisposeAsync();
    }

    [Theory]
    [InlineData(Identity)]
    [InlineData(Registry)]
    public async Task What_waits_on_the_others_is_delivered_what_was_put_off_is_tried_again_and_new_mail_is_taken(string gone)
    {
        await using var door = await StartAsync(("Roles:0", "intake"));

        // All of one lane, so that what stands on the shard is in the way of the rest of it.
        await AcceptIntoEachAsync();
        await LeaseUntilAsync(() => _leased.Count == 64, (store, lease) => store.Queue.SettleAsync(TestMail.Deferred(lease, Time, TimeSpan.FromSeconds(5)), Cancellation));
        await AcceptIntoEachAsync();
        var away = await KillShardOfAsync(gone);
        await Eventually.HoldsAsync(() => Both.All(store => store.Store.Partitions.All(p => IsLive(p) == (p.IsOwned && !away.Contains(p.Number)))), Cancellation);

        // Into what serves, on the nodes that have it; and from one that has nothing.
        foreach (var store in Both)
        {
            var partition = store.Store.Partitions.First(p => p.IsServed && !away.Contains(p.Number)).Number;
            await AcceptAsync(store, MessageId.Create(Time, partition));
            await AcceptAsync(door, MessageId.Create(Time, partition));
        }

        _leased.Clear();
        var expected = _sent.Where(id => !away.Contains(id.Partition(Partitions))).ToList();
        await LeaseUntilAsync(() => _leased.IsSupersetOf(expected), (store, lease) => store.Queue.SettleAsync(TestMail.Delivered(lease, Time), Cancellation));
    }

    [Fact]
    public async Task A_killed_nodes_part_of_the_others_is_taken_over_though_the_list_of_nodes_is_gone()
    {
        var away = await KillShardOfAsync(Registry);
        await _second.DisposeAsync();

        await Eventually.HoldsAsync(() => _first.Store.Partitions.All(p => IsLive(p) == !away.Contains(p.Number)), Cancellation);
    }

    [Theory]
    [InlineData(Identity)]
    [InlineData(Registry)]
    public async Task Who_stops_in_order_gives_back_what_stands_on_the_others(string gone)
    {
        var (owner, had) = (_second.Store.Owner, _second.Store.Partitions.Where(p => p.IsOwned).ToList());
        var away = await KillShardOfAsync(gone);

        await _second.StopAsync();

        foreach (var lease in had.Where(p => !away.Contains(p.Number)).Select(p => p.Keys.Lease))
        {
            Assert.NotEqual(owner, (string?)await _first.Connections.Reading.StringGetAsync(lease));
        }
    }

    private IReadOnlyList<StoreUnderTest> Both => [_first, _second];

    private static int Owned(StoreUnderTest store) => store.Store.Partitions.Count(p => p.IsOwned);

    private static bool IsLive(Partition partition) => Time.GetTimestamp() < partition.LiveUntil;

    // As the kit forms it: each primary has an equal range of slots.
    private static int ShardOf(string tag) => HashTags.SlotOf(tag) * 3 / 16_384;

    private Task<StoreUnderTest> StartAsync(params (string, string)[] settings) => StoreUnderTest.StartAsync(
        _redis.ConnectionString, StoreUnderTest.NewFolder(), Time, Cancellation, [("Queue:AnswerTimeout", "00:00:02"), ("Queue:Lease", "00:00:09"), .. settings]);

    private async Task AcceptIntoEachAsync()
    {
        for (var partition = 0; partition < Partitions; partition++)
        {
            await AcceptAsync(Both.Single(store => store.Store.Partitions[partition].IsOwned), MessageId.Create(Time, partition));
        }
    }

    private async Task AcceptAsync(StoreUnderTest store, MessageId id)
    {
        Assert.IsType<EnqueueResult.Accepted>(await store.Queue.EnqueueAsync(TestMail.To(Time, "a@x.test") with { Id = id }, null, Cancellation).InTime());
        _sent.Add(id);
    }

    private Task LeaseUntilAsync(Func<bool> condition, Func<StoreUnderTest, Lease, ValueTask> settle) => Eventually.HoldsAsync(
        async () =>
        {
            foreach (var store in Both)
            {
                foreach (var lease in await LeaseSomeAsync(store))
                {
                    _leased.Add(lease.Message.Id);

                    // Not awaited: what stands on the shard that is gone is settled when it is back.
                    _ = settle(store, lease).AsTask();
                }
            }

            return condition();
        },
        Cancellation);

    private static async Task<IReadOnlyList<Lease>> LeaseSomeAsync(StoreUnderTest store)
    {
        using var soon = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        soon.CancelAfter(TimeSpan.FromMilliseconds(50));
        try
        {
            return await store.Queue.LeaseDueAsync(TestMail.Everything, soon.Token);
        }
        catch (OperationCanceledException) when (!Cancellation.IsCancellationRequested)
        {
            return [];
        }
    }

    /// <summary>Returns the partitions that stood on it.</summary>
    private async Task<HashSet<int>> KillShardOfAsync(string key)
    {
        var shard = ShardOf(key);

        // Its replica first, or that would take over.
        await _redis.Servers[shard + 3].KillAsync();
        await _redis.Servers[shard].KillAsync();
        return [.. HashTags.For(Partitions).Index().Where(tag => ShardOf(tag.Item) == shard).Select(tag => tag.Index)];
    }
}
