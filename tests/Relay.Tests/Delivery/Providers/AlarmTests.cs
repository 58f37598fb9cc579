using Microsoft.Extensions.Time.Testing;
using Relay.Delivery.Providers;

namespace Relay.Tests.Delivery.Providers;

public sealed class AlarmTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly Alarm _alarm;
    private int _rung;

    public AlarmTests() => _alarm = new Alarm(_time, () =>
    {
        _alarm!.Stopped();
        _rung++;
    });

    [Fact]
    public void It_rings_once_and_never_a_part_of_a_millisecond_too_early()
    {
        _alarm.Set(TimeSpan.FromMilliseconds(142.857));

        Assert.Equal(0, RungAfter(TimeSpan.FromMilliseconds(142)));
        Assert.Equal(1, RungAfter(TimeSpan.FromMilliseconds(1)));
        Assert.Equal(1, RungAfter(TimeSpan.FromHours(1)));
    }

    [Fact]
    public void Of_several_times_the_earliest_counts()
    {
        _alarm.Set(TimeSpan.FromMinutes(2));
        _alarm.Set(TimeSpan.FromMinutes(1));
        _alarm.Set(_time.GetUtcNow() + TimeSpan.FromMinutes(3));

        Assert.Equal(1, RungAfter(TimeSpan.FromMinutes(1)));
        Assert.Equal(1, RungAfter(TimeSpan.FromMinutes(5)));
    }

    [Theory]
    [InlineData(61.0 / 60)]
    [InlineData(50 * 24)]
    [InlineData(1_000_000)]
    public void Whoever_waits_long_is_woken_after_an_hour_to_see(double hours)
    {
        _alarm.Set(TimeSpan.FromHours(hours));

        Assert.Equal(1, RungAfter(TimeSpan.FromHours(1)));
    }

    [Fact]
    public void Whoever_waits_for_the_end_of_time_is_too()
    {
        _alarm.Set(TimeSpan.MaxValue);

        Assert.Equal(1, RungAfter(TimeSpan.FromHours(1)));
    }

    [Fact]
    public void What_is_over_already_rings_at_once()
    {
        _alarm.Set(TimeSpan.FromMilliseconds(-5));

        Assert.Equal(1, RungAfter(TimeSpan.Zero));
    }

    public void Dispose() => _alarm.Dispose();

    private int RungAfter(TimeSpan time)
    {
        _time.Advance(time);
        return _rung;
    }
}
