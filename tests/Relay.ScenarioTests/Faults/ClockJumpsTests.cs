using Relay.Faults.Scenarios;

namespace Relay.ScenarioTests.Faults;

public sealed class ClockJumpsTests
{
    [Fact]
    public async Task F14_a_clock_that_jumps_loses_nothing_and_starts_no_stampede()
    {
        var verdict = await ShortForm.PlayAsync(new ClockJumps(), "redis");

        Assert.Equal((0, 0), (verdict.Lost, verdict.Doubled));
    }
}
