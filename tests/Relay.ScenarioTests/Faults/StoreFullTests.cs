using Relay.Faults.Scenarios;

namespace Relay.ScenarioTests.Faults;

public sealed class StoreFullTests
{
    [Fact]
    public async Task F5_a_full_store_drains_and_takes_mail_again()
    {
        var verdict = await ShortForm.PlayAsync(new StoreFull(), "redis");

        Assert.Equal((0, 0), (verdict.Lost, verdict.Unexplained));
    }
}
