using Relay.Mail.Classification;

namespace Relay.Tests.Mail.Classification;

public sealed class NamedWaitTests
{
    [Theory]
    [InlineData("Greylisted, please try again in 300 seconds", "00:05:00")]
    [InlineData("Please try again in 5 minutes", "00:05:00")]
    [InlineData("Greylisting in action, please come back in 00:04:30", "00:04:30")]
    [InlineData("Greylisted for 5 minutes (see the manual)", "00:05:00")]
    [InlineData("Too many connections. Please wait 10 min before you connect again", "00:10:00")]
    [InlineData("Try again later: in 1 minute and 30 seconds", "00:01:30")]
    [InlineData("Deferred, retry after 90s", "00:01:30")]
    [InlineData("You are blocked for an hour", "01:00:00")]
    [InlineData("Retry in 1h", "01:00:00")]
    [InlineData("Try again in 450 SECONDS", "00:07:30")]
    [InlineData("Your mail is delayed, next attempt in 15-minutes", "00:15:00")]
    [InlineData("Please try again later (20 mins)", "00:20:00")]
    public void A_time_to_come_back_is_understood(string text, string expected)
    {
        Assert.Equal(TimeSpan.Parse(expected, null), NamedWait.Find(text));
    }

    [Theory]
    [InlineData("Come back in 3 hours")]
    [InlineData("Try again in 2 days")]
    [InlineData("try again in 999999 seconds")]
    [InlineData("Please come back in 23:59:59")]
    [InlineData("Please come back in 24:00:00")]
    [InlineData("Please come back in 99:00:00")]
    [InlineData("wait 999999 days 999999 days 999999 days 999999 days 999999 days 999999 days 999999 days 999999 days 999999 days 999999 days 999999 days")]
    public void Nobody_is_obeyed_for_longer_than_an_hour(string text)
    {
        Assert.Equal(TimeSpan.FromHours(1), NamedWait.Find(text));
    }

    [Theory]
    [InlineData("Try again later")]
    [InlineData("You may send 20 messages per 5 minutes")]
    [InlineData("Limit of 100 messages in 60 seconds exceeded, try again later")]
    [InlineData("Too many messages, try again later. The limit is 100 messages in 60 seconds")]
    [InlineData("Try again in 0 seconds")]
    [InlineData("Try again in a few minutes")]
    [InlineData("again in 192.0.2.10 1:2:3")]
    [InlineData("try again in \u0665m")]
    [InlineData("come back in \u0661\u0662:00:00")]
    [InlineData("try again in 1\u0660 minutes")]
    [InlineData("")]
    public void Other_numbers_and_no_numbers_are_no_wait(string text)
    {
        Assert.Null(NamedWait.Find(text));
    }
}
