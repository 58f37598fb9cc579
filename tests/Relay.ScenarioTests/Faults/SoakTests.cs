using Relay.Faults.Scenarios;

namespace Relay.ScenarioTests.Faults;

public sealed class SoakTests
{
    [Fact]
    public async Task F20_everything_holds_while_chance_breaks_things()
    {
        // This seed left eight units in the queue: a lane that is written into hid what was put off in it before a restart.
        var verdict = await ShortForm.PlayAsync(new Soak(), "redis", seed: 740187);

        Assert.Equal((0, 0), (verdict.Lost, verdict.Unexplained));
    }
}
