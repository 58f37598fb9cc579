using Relay.Faults.Scenarios;

namespace Relay.ScenarioTests.Faults;

public sealed class DnsTroubleTests
{
    [Fact]
    public async Task F13_trouble_of_the_DNS_is_waited_out_and_inside_is_never_connected_to()
    {
        var verdict = await ShortForm.PlayAsync(new DnsTrouble(), "redis");

        Assert.Equal(0, verdict.Lost);
    }
}
