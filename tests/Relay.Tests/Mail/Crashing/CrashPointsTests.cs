using Relay.Mail.Crashing;

namespace Relay.Tests.Mail.Crashing;

public sealed class CrashPointsTests
{
    [Theory]
    [InlineData("after-dot", CrashPoint.AfterDot, 1)]
    [InlineData("before-250:12", CrashPoint.Before250, 12)]
    public void A_point_is_named_with_the_passing_that_counts(string text, CrashPoint point, int time)
    {
        Assert.Equal(new CrashPoints.Plan(point, time, null), CrashPoints.Plan.Read(text));
    }

    [Theory]
    [InlineData("after-lunch", "the points are body-stored, before-commit, ")]
    [InlineData("AfterDot", "the points are body-stored, before-commit, ")]
    [InlineData("after-dot:0", "at which passing, a number from 1")]
    [InlineData("after-dot:often", "at which passing, a number from 1")]
    public void What_cannot_be_obeyed_is_said_and_not_ignored(string text, string problem)
    {
        var plan = CrashPoints.Plan.Read(text);

        Assert.NotNull(plan);
        Assert.Null(plan.Point);
        Assert.Contains(problem, plan.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_point_has_one_name() =>
        Assert.Equal(Enum.GetValues<CrashPoint>(), CrashPoints.All.Select(p => p.Point));

    [Fact]
    public void Nothing_is_planned_without_the_variable() => Assert.Null(CrashPoints.Plan.Read(null));
}
