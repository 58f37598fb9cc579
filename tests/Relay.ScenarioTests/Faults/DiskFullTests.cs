using Relay.Faults.Scenarios;

namespace Relay.ScenarioTests.Faults;

public sealed class DiskFullTests
{
    [Fact]
    public async Task F7_a_full_disk_costs_nothing_where_that_is_promised()
    {
        var verdict = await ShortForm.PlayAsync(new DiskFull(), "redis");

        Assert.Equal(0, verdict.Lost);
    }
}
