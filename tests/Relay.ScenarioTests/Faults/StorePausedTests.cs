using Relay.Faults.Scenarios;

namespace Relay.ScenarioTests.Faults;

public sealed class StorePausedTests
{
    [Fact]
    public async Task F8_what_a_paused_store_does_afterwards_is_neither_lost_nor_doubled()
    {
        var verdict = await ShortForm.PlayAsync(new StorePaused(), "redis");

        Assert.Equal((0, 0), (verdict.Lost, verdict.Doubled));
    }
}
