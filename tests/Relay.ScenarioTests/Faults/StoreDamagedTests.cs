using Relay.Faults.Scenarios;

namespace Relay.ScenarioTests.Faults;

public sealed class StoreDamagedTests
{
    [Fact]
    public async Task F18_a_damaged_record_is_kept_aside_and_the_rest_flows()
    {
        var verdict = await ShortForm.PlayAsync(new StoreDamaged(), "redis");

        Assert.Equal(0, verdict.Lost);
    }
}
