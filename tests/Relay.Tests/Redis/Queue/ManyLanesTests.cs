using Relay.Mail.Queue;
using Relay.Redis.Queue;
using Relay.TestKit.Redis;

namespace Relay.Tests.Redis.Queue;

/// <summary>More lanes than are read or counted at once.</summary>
public sealed class ManyLanesTests : IAsyncLifetime
{
    private RedisServer _redis = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _redis = await RedisServer.StartAsync(Cancellation, "everysec");

    public ValueTask DisposeAsync() => _redis.DisposeAsync();

    [Fact]
    public async Task All_lanes_are_found_after_a_start_though_many_are_due_in_the_same_moment()
    {
        const int count = 2_300;
        var folder = StoreUnderTest.NewFolder();
        var due = DateTimeOffset.UtcNow;
        await using (var store = await StartAsync(folder))
        {
            await Task.WhenAll(Enumerable.Range(0, count).Select(async i => Assert.IsType<EnqueueResult.Accepted>(
                await store.Queue.EnqueueAsync(TestMail.To(TimeProvider.System, $"a@d{i}.test") with { AcceptedAt = due }, null, Cancellation))));
        }

        await using var again = await StartAsync(folder);
        var seen = new HashSet<UnitId>();
        while (seen.Count < count)
        {
            foreach (var lease in await again.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime())
            {
                Assert.True(seen.Add(lease.Id), $"{lease.Id} was leased twice");
            }
        }
    }

    [Fact]
    public async Task What_waits_is_counted_by_lane_and_the_earliest_found_behind_bounds_that_are_too_low()
    {
        await using var store = await StartAsync(StoreUnderTest.NewFolder());
        for (var i = 0; i < 30; i++)
        {
            await store.Queue.EnqueueAsync(TestMail.To(TimeProvider.System, $"a@d{i % 10}.test"), null, Cancellation);
        }

        // The bounds of these lanes stay where they were; only d0 has anything that early.
        var leases = await store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime();
        foreach (var lease in leases.Where(l => l.Unit.Lane.Domain != "d0.test"))
        {
            await store.Queue.SettleAsync(TestMail.Deferred(lease, TimeProvider.System, TimeSpan.FromHours(1)), Cancellation).InTime();
        }

        var depth = await store.Get<DepthWalk>().LookAsync(Cancellation);

        Assert.Equal(await store.Reader.MeasureAsync(Cancellation), depth);
        Assert.Equal(30, depth.Units);
    }

    [Fact]
    public async Task One_look_at_the_queue_asks_a_bounded_number_of_lanes_and_says_that_it_did()
    {
        await using var store = await StartAsync(StoreUnderTest.NewFolder());
        for (var i = 0; i < 60; i++)
        {
            await store.Queue.EnqueueAsync(TestMail.For(TimeProvider.System, i < 50 ? "big" : "small", $"a@d{i}.test"), null, Cancellation);
        }

        var (lanes, isAll) = await new LaneWalk(store.Store, most: 20).LookAsync(null, Cancellation);
        Assert.Equal(20, lanes.Count);
        Assert.False(isAll);

        var (small, isAllOfSmall) = await new LaneWalk(store.Store, most: 20).LookAsync("small", Cancellation);
        Assert.Equal(10, small.Sum(lane => lane.Units));
        Assert.True(isAllOfSmall);
        Assert.Equal(60, (await new LaneWalk(store.Store, most: 60).LookAsync(null, Cancellation)).Lanes.Count);
    }

    [Fact]
    public async Task All_mail_is_found_after_a_start_though_more_lanes_have_some_than_may_be_known()
    {
        const int count = 2_300;
        const int places = 1_024;
        var folder = StoreUnderTest.NewFolder();
        await using (var store = await StartAsync(folder))
        {
            await Task.WhenAll(Enumerable.Range(0, count).Select(async i => Assert.IsType<EnqueueResult.Accepted>(
                await store.Queue.EnqueueAsync(TestMail.To(TimeProvider.System, $"a@d{i}.test"), null, Cancellation))));
        }

        await using var again = await StartAsync(folder, ("Queue:WindowLanes", "1024"));
        for (var left = count; left > 0;)
        {
            var leases = await again.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime();
            Assert.InRange(again.Window.Lanes.Known, 1, places);
            await Task.WhenAll(leases.Select(lease => again.Queue.SettleAsync(TestMail.Delivered(lease, TimeProvider.System), Cancellation).InTime()));
            left -= leases.Count;
        }

        await Eventually.HoldsAsync(() => again.Window.Lanes.Known == 0, Cancellation);
        Assert.Equal(0, (await again.Reader.MeasureAsync(Cancellation)).Units);
    }

    private Task<StoreUnderTest> StartAsync(string folder, params (string, string)[] settings) =>
        StoreUnderTest.StartAsync(_redis.ConnectionString, folder, TimeProvider.System, Cancellation, [("Queue:Partitions", "1"), .. settings]);
}
