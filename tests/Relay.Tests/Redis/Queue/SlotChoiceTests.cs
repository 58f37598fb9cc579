using Microsoft.Extensions.Time.Testing;
using Relay.Redis.Nodes;
using Relay.Redis.Queue;
using Relay.TestKit.Redis;

namespace Relay.Tests.Redis.Queue;

/// <summary>Mail that comes together stands together, and over time everywhere.</summary>
public sealed class SlotChoiceTests
{
    private readonly FakeTimeProvider _time = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_comes_within_a_moment_goes_into_one_slot_and_what_comes_later_anywhere()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using var store = await StoreUnderTest.StartAsync(redis.ConnectionString, StoreUnderTest.NewFolder(), TimeProvider.System, Cancellation);
        var slots = new SlotChoice(store.Store, store.Get<NodeRegistry>(), _time);

        var moments = Enumerable.Range(0, 400).Select(_ =>
        {
            _time.Advance(TimeSpan.FromMilliseconds(5));
            return Assert.Single(Enumerable.Range(0, 20).Select(_ => slots.Choose()).Distinct());
        });

        Assert.Equal(store.Store.Partitions, moments.Select(store.Store.PartitionOfSlot).Distinct().OrderBy(p => p.Number));
    }

    [Fact]
    public async Task A_burst_does_not_go_into_one_partition_however_short_it_is()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using var store = await StoreUnderTest.StartAsync(redis.ConnectionString, StoreUnderTest.NewFolder(), TimeProvider.System, Cancellation);
        var slots = new SlotChoice(store.Store, store.Get<NodeRegistry>(), _time);

        var chosen = Enumerable.Range(0, 20_000).Select(_ => slots.Choose()).ToList();

        Assert.Equal(16, chosen.Select(store.Store.PartitionOfSlot).Distinct().Count());
        Assert.InRange(chosen.GroupBy(s => s).Max(g => g.Count()), 64, 640);
    }
}
