using Relay.Host.Commands;

namespace Relay.Tests.Host.Commands;

public sealed class MomentTests
{
    [Fact]
    public void A_while_is_from_now_on_or_ago_by_what_is_asked_for()
    {
        var before = DateTimeOffset.UtcNow;
        var (later, earlier) = (Moment.Read("--until", "90m"), Moment.ReadPast("--since", "2d"));
        var after = DateTimeOffset.UtcNow;

        Assert.InRange(later, before.AddMinutes(90), after.AddMinutes(90));
        Assert.InRange(earlier, before.AddDays(-2), after.AddDays(-2));
    }

    [Fact]
    public void A_time_is_that_time_for_either()
    {
        var evening = new DateTimeOffset(2026, 3, 1, 18, 0, 0, TimeSpan.Zero);

        Assert.Equal((evening, evening), (Moment.Read("--until", "2026-03-01T18:00:00Z"), Moment.ReadPast("--since", "2026-03-01T18:00:00Z")));
        Assert.Contains("--since must be a time", Assert.Throws<CommandFailure>(() => Moment.ReadPast("--since", "yesterday")).Message, StringComparison.Ordinal);
    }
}
