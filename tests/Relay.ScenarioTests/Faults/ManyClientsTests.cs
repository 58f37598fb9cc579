using Relay.Faults.Scenarios;

namespace Relay.ScenarioTests.Faults;

public sealed class ManyClientsTests
{
    [Fact]
    public async Task F19_a_crowd_that_says_nothing_does_not_keep_others_from_sending()
    {
        var verdict = await ShortForm.PlayAsync(new ManyClients(), "redis");

        Assert.Equal((0, 0), (verdict.Lost, verdict.Doubled));
    }
}
