using Relay.Faults.Scenarios;

namespace Relay.ScenarioTests.Faults;

public sealed class NodeLostTests
{
    [Fact]
    public async Task F10_what_a_node_leaves_behind_is_delivered_by_the_others()
    {
        var verdict = await ShortForm.PlayAsync(new NodeLost(), "redis");

        Assert.Equal((0, 0), (verdict.Lost, verdict.Unexplained));
    }
}
