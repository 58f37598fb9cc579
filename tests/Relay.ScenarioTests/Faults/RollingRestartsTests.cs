using Relay.Faults.Scenarios;

namespace Relay.ScenarioTests.Faults;

public sealed class RollingRestartsTests
{
    [Theory]
    [InlineData("redis")]
    [InlineData("embedded")]
    public async Task F17_restarts_in_order_lose_nothing_and_double_nothing(string store)
    {
        var verdict = await ShortForm.PlayAsync(new RollingRestarts(), store);

        Assert.Equal((0, 0), (verdict.Lost, verdict.Doubled));
    }
}
