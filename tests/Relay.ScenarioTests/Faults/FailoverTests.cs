using Relay.Faults.Scenarios;
using Relay.Faults.Stores;

namespace Relay.ScenarioTests.Faults;

public sealed class FailoverTests
{
    [Fact]
    public async Task F22_after_a_failover_in_a_cluster_the_relay_goes_on_by_itself() =>
        await ShortForm.PlayAsync(new Failover("F22", StoreKind.Cluster, StoreKind.ClusterWait), "cluster-wait");
}
