using Relay.Faults.Checking;

namespace Relay.ScenarioTests.Faults;

public sealed class MemoryTrendTests
{
    [Fact]
    public void What_grows_by_three_per_cent_an_hour_is_found()
    {
        var trend = MemoryTrend.Of(Seen(hours: 2, kib: h => 150_000 * (1 + (0.03 * h))))!.Value;

        Assert.InRange(trend.PercentAnHour, 2.5, 3.5);
        Assert.True(trend.Grows);
    }

    [Fact]
    public void What_goes_up_and_down_with_the_collector_does_not_grow()
    {
        var chance = new Random(7);
        var trend = MemoryTrend.Of(Seen(hours: 2, kib: _ => 150_000 + chance.Next(40_000)))!.Value;

        Assert.InRange(trend.PercentAnHour, -3, 3);
        Assert.False(trend.Grows);
    }

    [Fact]
    public void What_is_loaded_in_the_first_quarter_of_the_time_is_no_growth() =>
        Assert.False(MemoryTrend.Of(Seen(hours: 2, kib: h => 150_000 * Math.Min(1, 0.3 + (2 * h))))!.Value.Grows);

    [Fact]
    public void Half_an_hour_tells_nothing() => Assert.Null(MemoryTrend.Of(Seen(hours: 0.5, kib: h => 150_000 * (1 + h))));

    // A look every five seconds.
    private static List<(TimeSpan At, long KiB)> Seen(double hours, Func<double, double> kib) =>
        [.. Enumerable.Range(0, (int)(hours * 720)).Select(i => (TimeSpan.FromSeconds(i * 5), (long)kib(i / 720.0)))];
}
