using Relay.Faults.Scenarios;

namespace Relay.ScenarioTests.Faults;

public sealed class StoreRefusesTests
{
    [Fact]
    public async Task F6_a_store_that_refuses_is_waited_for_and_nothing_is_refused_for_good()
    {
        var verdict = await ShortForm.PlayAsync(new StoreRefuses(), "redis");

        Assert.Equal((0, 0), (verdict.Lost, verdict.Doubled));
    }
}
