using Relay.Faults.Scenarios;

namespace Relay.ScenarioTests.Faults;

public sealed class BadDestinationsTests
{
    [Fact]
    public async Task F11_a_good_destination_does_not_wait_behind_bad_ones()
    {
        var verdict = await ShortForm.PlayAsync(new BadDestinations(), "redis");

        Assert.True(verdict.Bounced > 0);
    }
}
