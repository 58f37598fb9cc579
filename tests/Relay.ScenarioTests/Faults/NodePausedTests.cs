using Relay.Faults.Scenarios;

namespace Relay.ScenarioTests.Faults;

public sealed class NodePausedTests
{
    [Fact]
    public async Task F9_a_node_that_stood_still_and_goes_on_sends_nothing_that_is_not_its_own()
    {
        var verdict = await ShortForm.PlayAsync(new NodePaused(), "redis");

        Assert.Equal((0, 0), (verdict.Lost, verdict.Unexplained));
    }
}
