using System.Globalization;
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

        Directory.Delete(Path.Combine(folder, "store"), recursive: true);

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
    public async Task What_a_killed_process_left_at_the_end_of_the_log_is_never_read_again()
    {
        var folder = StoreUnderTest.NewFolder();
        long end;
        await using (var store = await StartAsync(folder))
        {
            await store.Connections.Background.StringSetAsync("key", "value");
            end = await AddressAsync(store, "TailAddress");
        }

        await using var again = await StartAsync(folder);

        Assert.True(await AddressAsync(again, "BeginAddress") >= end);
        Assert.Equal("value", await again.Connections.Background.StringGetAsync("key"));
    }

    [Fact]
    public async Task A_store_that_cannot_write_its_checkpoint_is_refused_in_words()
    {
        var folder = StoreUnderTest.NewFolder();
        await using (await StartAsync(folder))
        {
        }

        // Where the folder of a checkpoint would be there is a file.
        var checkpoints = Path.Combine(folder, "store", "Store", "checkpoints");
        Directory.CreateDirectory(Path.GetDirectoryName(checkpoints)!);
        await File.WriteAllTextAsync(checkpoints, "", Cancellation);

        var refused = await Assert.ThrowsAsync<StoreRefusedException>(() => StartAsync(folder));
        Assert.Contains("checkpoint", refused.Message);
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

    // As the store's INFO tells it, "name:number".
    private static async Task<long> AddressAsync(StoreUnderTest store, string name)
    {
        var info = (string?)await store.Connections.Background.ExecuteAsync("INFO", "PERSISTENCE") ?? "";
        var line = info.Split('\n', StringSplitOptions.TrimEntries).Single(l => l.StartsWith($"{name}:", StringComparison.Ordinal));
        return long.Parse(line[(name.Length + 1)..].Trim('[', ']'), CultureInfo.InvariantCulture);
    }

    private static Task<StoreUnderTest> StartAsync(string folder) => StoreUnderTest.StartAsync(null, folder, TimeProvider.System, Cancellation);
}
