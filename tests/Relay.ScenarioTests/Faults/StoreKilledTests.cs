using Relay.Faults.Scenarios;

namespace Relay.ScenarioTests.Faults;

public sealed class StoreKilledTests
{
    [Theory]
    [InlineData("redis")]
    [InlineData("redis-everysec")]
    public async Task F3_a_store_that_is_killed_under_load_costs_nothing(string store)
    {
        var verdict = await ShortForm.PlayAsync(new StoreKilled(), store);

        Assert.Equal((0, 0), (verdict.Lost, verdict.Doubled));
    }
}
