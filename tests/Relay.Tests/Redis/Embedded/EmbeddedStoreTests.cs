using Relay.Mail.Queue;
using Relay.Redis;

namespace Relay.Tests.Redis.Embedded;

public sealed class EmbeddedStoreTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Two_relays_never_share_a_data_directory()
    {
        var folder = StoreUnderTest.NewFolder();
        await using var first = await StartAsync(folder);

        var refused = await Assert.ThrowsAsync<StoreRefusedException>(() => StartAsync(folder));

        Assert.Contains(folder, refused.Message);
    }

    [Fact]
    public async Task A_store_that_lost_its_files_is_refused()
    {
        var folder = StoreUnderTest.NewFolder();
        await using (await StartAsync(folder))
        {
        }

        Directory.Delete(Path.Combine(folder, "database"), recursive: true);

        await Assert.ThrowsAsync<StoreRefusedException>(() => StartAsync(folder));
    }

    [Fact]
    public async Task A_store_put_back_to_an_earlier_time_is_refused()
    {
        var folder = StoreUnderTest.NewFolder();
        await using (await StartAsync(folder))
        {
        }

        File.WriteAllText(Path.Combine(folder, "store.generation"), "7");

        var refused = await Assert.ThrowsAsync<StoreRefusedException>(() => StartAsync(folder));
        Assert.Contains("opened 7 times but knows of 1", refused.Message);
    }

    [Fact]
    public async Task The_store_of_a_former_version_is_refused_in_words()
    {
        var folder = StoreUnderTest.NewFolder();
        Directory.CreateDirectory(Path.Combine(folder, "store"));

        var refused = await Assert.ThrowsAsync<StoreRefusedException>(() => StartAsync(folder));
        Assert.Contains("holds the queue of a former version", refused.Message);
    }

    [Fact]
    public async Task Steps_that_wait_for_their_conditions_leave_threads_to_all_others()
    {
        await using var store = await StartAsync(StoreUnderTest.NewFolder());

        ThreadPool.GetMinThreads(out var workers, out _);

        // One each for intake, guarded, settling, background, reading and bulk.
        Assert.True(workers >= Environment.ProcessorCount + 6, $"{workers} threads");
    }

    [Fact]
    public async Task It_promises_to_survive_a_power_cut()
    {
        await using var store = await StartAsync(StoreUnderTest.NewFolder());

        Assert.Equal(PromiseClass.PowerSafe, store.Get<IStoreHealth>().Promise!.Class);
    }

    [Fact]
    public async Task A_node_keeps_its_id_over_restarts()
    {
        var folder = StoreUnderTest.NewFolder();
        string id;
        await using (var store = await StartAsync(folder))
        {
            id = store.Store.NodeId;
        }

        await using var again = await StartAsync(folder);
        Assert.Equal(id, again.Store.NodeId);
    }

    private static Task<StoreUnderTest> StartAsync(string folder) => StoreUnderTest.StartAsync(null, folder, TimeProvider.System, Cancellation);
}
