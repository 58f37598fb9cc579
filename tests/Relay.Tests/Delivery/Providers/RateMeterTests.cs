using CsCheck;
using Relay.Delivery.Providers;

namespace Relay.Tests.Delivery.Providers;

public sealed class RateMeterTests
{
    private static readonly DateTimeOffset Morning = new(2026, 3, 1, 8, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Never_more_pass_than_the_rate_and_a_second_of_it_and_hardly_fewer_where_enough_come()
    {
        Gen.Select(Gen.Int[1, 5_000], Gen.Int[0, 2].Select(i => new[] { 1, 60, 3_600 }[i]), Gen.Int[1, 400].Array[50, 300]).Sample((messages, seconds, pauses) =>
        {
            var rate = new Rate(messages, TimeSpan.FromSeconds(seconds));
            var meter = new RateMeter();
            meter.Set(rate, Morning);
            var now = Morning;
            var passed = 0;
            foreach (var pause in pauses)
            {
                while (meter.TryTake(now))
                {
                    passed++;
                }

                now += TimeSpan.FromMilliseconds(pause);
            }

            var allowed = (now - Morning) / rate.Time * messages;
            var perSecond = (double)messages / seconds;
            Assert.InRange(passed, Math.Floor(allowed - perSecond - 1), Math.Ceiling(allowed + perSecond + 1));
        });
    }

    [Fact]
    public void It_says_how_long_to_wait_for_the_next()
    {
        var meter = new RateMeter();
        meter.Set(new Rate(6, TimeSpan.FromMinutes(1)), Morning);

        Assert.Equal(TimeSpan.Zero, meter.Wait(Morning));
        Assert.True(meter.TryTake(Morning));
        Assert.False(meter.TryTake(Morning));
        Assert.Equal(TimeSpan.FromSeconds(9), meter.Wait(Morning));
        Assert.True(meter.TryTake(Morning + TimeSpan.FromSeconds(9)));
        Assert.Equal(TimeSpan.FromSeconds(10), meter.Wait(Morning + TimeSpan.FromSeconds(9)));
    }

    [Fact]
    public void A_rate_that_changes_to_and_fro_lets_no_more_pass_than_it_says()
    {
        var (slow, quick) = (new Rate(1, TimeSpan.FromHours(1)), new Rate(1, TimeSpan.FromSeconds(1)));
        var meter = new RateMeter();
        meter.Set(quick, Morning);
        var now = Morning;
        var passed = 0;
        for (var i = 0; i < 50; i++)
        {
            meter.Set(slow, now);
            now += TimeSpan.FromSeconds(10);
            meter.Set(quick, now);
            passed += meter.TryTake(now) ? 1 : 0;
        }

        // What was saved at first, and as good as nothing since.
        Assert.InRange(passed, 1, 2);
    }

    [Fact]
    public void Whoever_has_not_to_wait_passes()
    {
        Gen.Select(Gen.Int[1, 5_000], Gen.Int[1, 3_600], Gen.Long[1, 20_000_000].Array[1, 100]).Sample((messages, seconds, pauses) =>
        {
            var meter = new RateMeter();
            meter.Set(new Rate(messages, TimeSpan.FromSeconds(seconds)), Morning);
            var now = Morning;
            foreach (var pause in pauses)
            {
                now += TimeSpan.FromTicks(pause);
                Assert.Equal(meter.Wait(now) == TimeSpan.Zero, meter.TryTake(now));
                now += meter.Wait(now);
            }
        });
    }

    [Fact]
    public void Without_a_rate_all_pass()
    {
        var meter = new RateMeter();

        Assert.All(Enumerable.Range(0, 1_000), _ => Assert.True(meter.TryTake(Morning)));
    }

    [Fact]
    public void A_clock_that_is_set_back_stops_nothing_for_long()
    {
        var meter = new RateMeter();
        meter.Set(new Rate(1, TimeSpan.FromSeconds(1)), Morning);
        Assert.True(meter.TryTake(Morning));
        Assert.True(meter.TryTake(Morning));

        var earlier = Morning - TimeSpan.FromHours(1);
        Assert.False(meter.TryTake(earlier));
        Assert.True(meter.TryTake(earlier + TimeSpan.FromSeconds(1)));
    }
}
