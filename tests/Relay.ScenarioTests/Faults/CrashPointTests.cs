using Relay.Faults.Scenarios;
using Relay.Mail.Crashing;

namespace Relay.ScenarioTests.Faults;

/// <summary>F2, in two halves that run beside each other.</summary>
public sealed class IntakeCrashPointTests
{
    [Fact]
    public async Task F2_the_relay_dies_at_each_point_up_to_the_lease_and_loses_nothing()
    {
        var verdict = await ShortForm.PlayAsync(new CrashPointReached((CrashPoint.BodyStored, CrashPoint.Leased)), "redis");

        Assert.Equal((0, 0), (verdict.Lost, verdict.Doubled));
    }
}

/// <summary>The second half: a remote is in it, so some of the points may double.</summary>
public sealed class DeliveryCrashPointTests
{
    [Fact]
    public async Task F2_the_relay_dies_at_each_point_behind_the_lease_and_loses_nothing()
    {
        var verdict = await ShortForm.PlayAsync(new CrashPointReached((CrashPoint.BeforeMail, CrashPoint.BeforeEvent)), "redis");

        Assert.Equal((0, 0), (verdict.Lost, verdict.Unexplained));
    }
}
