using Relay.Faults.Scenarios;

namespace Relay.ScenarioTests.Faults;

public sealed class WebhooksTests
{
    [Fact]
    public async Task F16_mail_for_a_webhook_that_fails_waits_and_comes_at_least_once_and_no_other_mail_waits_for_it()
    {
        var verdict = await ShortForm.PlayAsync(new Webhooks(), "redis");

        Assert.Equal((0, 0), (verdict.Lost, verdict.Unexplained));
    }
}
