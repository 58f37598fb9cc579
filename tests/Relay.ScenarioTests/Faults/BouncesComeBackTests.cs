using Relay.Faults.Scenarios;

namespace Relay.ScenarioTests.Faults;

public sealed class BouncesComeBackTests
{
    [Theory]
    [InlineData("redis")]
    [InlineData("embedded")]
    public async Task F26_a_bounce_that_was_taken_while_relay_and_store_are_killed_is_told_once(string store)
    {
        var verdict = await ShortForm.PlayAsync(new BouncesComeBack(), store);

        Assert.True(verdict.Accepted >= 60, $"{verdict.Accepted} were taken");
        Assert.Equal(0, verdict.Lost);
        Assert.True(verdict.Bounced >= verdict.Accepted);
    }
}
