using Relay.Faults.Scenarios;

namespace Relay.ScenarioTests.Faults;

public sealed class SoakTests
{
    [Fact]
    public async Task F20_everything_holds_while_chance_breaks_things()
    {
        var verdict = await ShortForm.PlayAsync(new Soak(), "redis");

        Assert.Equal((0, 0), (verdict.Lost, verdict.Unexplained));
    }
}
