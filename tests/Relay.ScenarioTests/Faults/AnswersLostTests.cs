using Relay.Faults.Scenarios;

namespace Relay.ScenarioTests.Faults;

public sealed class AnswersLostTests
{
    [Theory]
    [InlineData("redis")]
    [InlineData("embedded")]
    public async Task F12_what_was_taken_and_never_answered_is_admitted_as_uncertain(string store)
    {
        var verdict = await ShortForm.PlayAsync(new AnswersLost(), store);

        Assert.Equal((0, 0, verdict.Doubled), (verdict.Lost, verdict.Unexplained, verdict.Admitted));
    }
}
