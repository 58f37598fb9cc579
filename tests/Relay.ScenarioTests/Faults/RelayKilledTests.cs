using Relay.Faults.Scenarios;

namespace Relay.ScenarioTests.Faults;

public sealed class RelayKilledTests
{
    [Theory]
    [InlineData("redis")]
    [InlineData("embedded")]
    public async Task F1_a_relay_that_is_killed_under_load_loses_nothing(string store)
    {
        var verdict = await ShortForm.PlayAsync(new RelayKilled(), store);

        Assert.True(verdict.Accepted >= 60);
        Assert.Equal((0, 0), (verdict.Lost, verdict.Unexplained));
    }
}
