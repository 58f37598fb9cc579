using Relay.Redis.Keys;
using Relay.TestKit.Redis;

namespace Relay.Tests.Redis.Shapes;

/// <summary>A shard of a cluster does not refuse, as one that is gone does, but says nothing at all.</summary>
public sealed class SilentShardTests
{
    // Two nodes find each other by it, and it is asked first in each turn.
    private const string Registry = "relay:nodes";

    private const int Partitions = 64;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_leases_of_what_stands_on_the_others_do_not_wait_for_its_answers()
    {
        await using var redis = await RedisCluster.StartAsync(Cancellation, settings: ["--cluster-require-full-coverage", "no"]);
        await using var store = await StoreUnderTest.StartAsync(
            redis.ConnectionString, StoreUnderTest.NewFolder(), TimeProvider.System, Cancellation, ("Queue:AnswerTimeout", "00:00:10"), ("Queue:Lease", "00:00:03"));
        var silent = ShardOf(Registry);
        var tag = HashTags.For(Partitions).Index().First(tag => ShardOf(tag.Item) != silent);
        var partition = store.Store.Partitions[tag.Index];
        await Eventually.HoldsAsync(() => partition.IsOwned, Cancellation);

        // Its replica first, or that would take over.
        RedisServer[] paused = [redis.Servers[silent + 3], redis.Servers[silent]];
        Array.ForEach(paused, server => server.Pause());
        try
        {
            // Three turns would take all the time that there is, if each waited for the answer.
            var renewed = new HashSet<long>();
            await Eventually.HoldsAsync(() => renewed.Add(partition.DotUntil) && renewed.Count == 8, Cancellation);
        }
        finally
        {
            Array.ForEach(paused, server => server.Continue());
        }
    }

    // As the kit forms it: each primary has an equal range of slots.
    private static int ShardOf(string key) => HashTags.SlotOf(key) * 3 / 16_384;
}
