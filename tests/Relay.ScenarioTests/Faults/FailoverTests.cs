using Relay.Faults.Scenarios;

namespace Relay.ScenarioTests.Faults;

/// <summary>What is lost is what the published class says, so it is no part of these; what is sent twice is told.</summary>
public sealed class SentinelFailoverTests
{
    [Theory]
    [InlineData("sentinel-wait", 432541)]
    [InlineData("sentinel", 827782)]
    public async Task F21_a_replica_takes_over_and_the_relay_goes_on(string store, int seed)
    {
        var verdict = await ShortForm.PlayAsync(Failover.OfSentinel, store, seed);

        Assert.Equal(0, verdict.Unexplained);
    }
}

public sealed class ClusterFailoverTests
{
    [Theory]
    [InlineData("cluster-wait", 69465)]
    [InlineData("cluster", 1)]
    public async Task F22_a_shard_changes_hands_and_the_relay_goes_on(string store, int seed)
    {
        var verdict = await ShortForm.PlayAsync(Failover.OfCluster, store, seed);

        Assert.Equal(0, verdict.Unexplained);
    }

    [Fact]
    public async Task F27_slots_go_to_another_primary_and_nothing_is_lost_or_doubled()
    {
        var verdict = await ShortForm.PlayAsync(new SlotsMoved(), "cluster");

        Assert.Equal((0, 0), (verdict.Lost, verdict.Doubled));
    }

    [Fact]
    public async Task F24_one_of_three_relays_on_a_cluster_is_killed_and_the_others_deliver_its_mail()
    {
        var verdict = await ShortForm.PlayAsync(new NodesOnCluster(), "cluster-wait");

        Assert.Equal((0, 0), (verdict.Lost, verdict.Unexplained));
    }
}
