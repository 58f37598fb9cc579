using Relay.Faults.Scenarios;

namespace Relay.ScenarioTests.Faults;

public sealed class TlsTroubleTests
{
    [Fact]
    public async Task F15_what_demands_TLS_is_never_sent_without_proof()
    {
        var verdict = await ShortForm.PlayAsync(new TlsTrouble(), "redis");

        Assert.Equal(0, verdict.Doubled);
    }
}
