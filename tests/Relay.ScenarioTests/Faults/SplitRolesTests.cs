using Relay.Faults.Scenarios;

namespace Relay.ScenarioTests.Faults;

public sealed class SplitRolesTests
{
    [Fact]
    public async Task F23_doors_and_delivery_apart_lose_nothing_whoever_dies()
    {
        var verdict = await ShortForm.PlayAsync(new SplitRoles(), "redis");

        Assert.Equal((0, 0), (verdict.Lost, verdict.Unexplained));
    }
}
