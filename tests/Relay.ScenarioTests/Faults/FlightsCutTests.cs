using Relay.Faults.Scenarios;

namespace Relay.ScenarioTests.Faults;

public sealed class FlightsCutTests
{
    [Fact]
    public async Task F25_messages_in_one_flight_are_not_lost_when_it_is_cut()
    {
        var verdict = await ShortForm.PlayAsync(new FlightsCut(), "redis");

        Assert.True(verdict.Accepted >= 100);
        Assert.Equal((0, 0), (verdict.Lost, verdict.Unexplained));
    }
}
