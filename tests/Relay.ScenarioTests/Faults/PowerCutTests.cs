using Relay.Faults.Scenarios;

namespace Relay.ScenarioTests.Faults;

public sealed class PowerCutTests
{
    [Theory]
    [InlineData("redis")]
    [InlineData("embedded")]
    public async Task F4_a_power_cut_costs_nothing_where_that_is_promised(string store)
    {
        var verdict = await ShortForm.PlayAsync(new PowerCut(), store);

        Assert.Equal(0, verdict.Lost);
    }

    [Fact]
    public async Task F4_what_is_promised_less_for_may_be_lost_and_is_published_so()
    {
        // This seed had units in the queue that were settled as far as their owner knew.
        var verdict = await ShortForm.PlayAsync(new PowerCut(), "redis-everysec", seed: 716786);

        Assert.Equal(Relay.Faults.Checking.Promise.CrashSafe, verdict.Published);
    }
}
