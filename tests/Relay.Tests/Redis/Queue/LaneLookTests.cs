using Relay.Redis.Queue;

namespace Relay.Tests.Redis.Queue;

/// <summary>Where lanes are looked through again and again for places, each gets one, though few do each time.</summary>
public sealed class LaneLookTests
{
    private const long Now = 1_000_000;

    private readonly LaneLook _look = new();

    [Fact]
    public void Each_lane_is_swapped_in_once_before_any_is_a_second_time()
    {
        // In the order in which they stand there, a thousand due in the same moment.
        List<(long Due, string Name)> lanes =
        [
            .. Enumerable.Range(0, 500).Select(i => ((long)i, $"a{i:d4}")),
            .. Enumerable.Range(0, 1_000).Select(i => (500L, $"b{i:d4}")),
        ];
        _look.FromTheStart();

        var swapped = new List<string>();
        for (var look = 0; swapped.Count < lanes.Count; look++)
        {
            Assert.InRange(look, 0, 100);
            swapped.AddRange(LookThrough(lanes));
        }

        Assert.Equal(lanes.Select(lane => lane.Name), swapped.Take(lanes.Count));
        Assert.Equal(lanes[0].Name, LookThrough(lanes).First());
    }

    [Fact]
    public void What_was_overlooked_is_looked_for_when_the_look_has_come_to_its_end()
    {
        _look.FromTheStart();
        Assert.Equal(0, _look.Begin());
        _look.Overlook();
        _look.End(500, Now);

        // It goes on where it was.
        _look.LookAgain(Now);
        Assert.Equal(500, _look.Begin());
        _look.End(LaneShare.Nothing, Now);

        _look.LookAgain(Now);
        Assert.Equal(0, _look.Next);
    }

    [Fact]
    public void Nothing_is_looked_through_again_when_all_is_known()
    {
        _look.FromTheStart();
        _look.Begin();
        _look.Looked(1, "a", Discovery.Known);
        _look.End(Now + 5, Now);

        _look.LookAgain(Now);

        Assert.Equal(Now + 5, _look.Next);
    }

    [Fact]
    public void A_look_that_failed_is_begun_again_from_where_it_began()
    {
        _look.FromTheStart();
        var from = _look.Begin();
        _look.From(Now + 1);
        _look.End(from, Now);

        Assert.Equal(0, _look.Next);
    }

    [Fact]
    public void Of_what_is_looked_through_seldom_more_is_swapped_in_at_a_time()
    {
        List<(long Due, string Name)> lanes = [.. Enumerable.Range(0, 5_000).Select(i => ((long)i, $"a{i:d4}"))];
        _look.FromTheStart();
        var usual = LookThrough(lanes).Count();
        Assert.Equal(usual, LookThrough(lanes).Count());

        Assert.Equal(4 * usual, LookThrough(lanes, Now + (4 * (long)LaneLook.Beat.TotalMilliseconds)).Count());

        // Asked all at once whether they can leave they would hold up the others.
        Assert.InRange(LookThrough(lanes, Now + (long)TimeSpan.FromHours(1).TotalMilliseconds).Count(), 4 * usual, 20 * usual);
    }

    [Fact]
    public void It_is_known_how_many_lanes_are_to_be_looked_through_again()
    {
        _look.FromTheStart();
        LookThrough([.. Enumerable.Range(0, 300).Select(i => ((long)i, $"a{i:d4}"))]).Count();

        // One became due since.
        _look.Begin();
        _look.Looked(Now + 1, "b", Discovery.Known);
        _look.End(Now + 9, Now + 1);

        Assert.Equal(300, _look.LookAgain(Now + 2));
        Assert.Equal(0, _look.LookAgain(Now + 2));
    }

    [Fact]
    public void Only_what_should_have_had_a_place_is_urgent_until_it_is_looked_for()
    {
        _look.FromTheStart();
        _look.Begin();
        _look.Looked(1, "a", Discovery.NoPlace);
        Assert.False(_look.IsUrgent);
        _look.Looked(2, "b", Discovery.NoPlaceYet);
        _look.End(LaneShare.Nothing, Now);
        Assert.True(_look.IsUrgent);

        _look.LookAgain(Now);
        Assert.Equal(0, _look.Begin());
        Assert.False(_look.IsUrgent);
    }

    private IEnumerable<string> LookThrough(List<(long Due, string Name)> lanes, long now = Now)
    {
        _look.LookAgain(now);
        Assert.Equal(0, _look.Begin());
        foreach (var (due, name) in lanes)
        {
            var maySwap = _look.MaySwap(due, name);
            _look.Looked(due, name, maySwap ? Discovery.Swapped : Discovery.NoPlace);
            if (maySwap)
            {
                yield return name;
            }
        }

        _look.End(LaneShare.Nothing, now);
    }
}
