using Relay.Smtp.Replies;

namespace Relay.Tests.Smtp.Replies;

public sealed class SmtpReplyTests
{
    [Fact]
    public void A_reply_reads_as_the_remote_said_it()
    {
        Assert.Equal("550 5.1.1 No such user", new SmtpReply(550, "5.1.1", "No such user").ToString());
        Assert.Equal("250 first second", new SmtpReply(250, null, ["first", "second"]).ToString());
    }

    [Theory]
    [InlineData("5.1.1 No such user", 5, 1, 1, 5)]
    [InlineData("4.7.28 Slow down", 4, 7, 28, 6)]
    [InlineData("2.0.0", 2, 0, 0, 5)]
    [InlineData("5.7.515 Access denied", 5, 7, 515, 7)]
    public void An_enhanced_code_is_read_from_the_start_of_the_text(string text, int @class, int subject, int detail, int length)
    {
        Assert.True(EnhancedStatusCode.TryParse(text, out var code, out var taken));
        Assert.Equal(new EnhancedStatusCode(@class, subject, detail), code);
        Assert.Equal(length, taken);
    }

    [Theory]
    [InlineData("")]
    [InlineData("3.1.1 x")]
    [InlineData("5.1 x")]
    [InlineData("5.1.")]
    [InlineData("5.1111.1 x")]
    [InlineData("5.1.1x")]
    [InlineData("5.1.1.1 x")]
    [InlineData("version 5.1.1")]
    public void What_only_looks_like_a_code_is_text(string text) =>
        Assert.False(EnhancedStatusCode.TryParse(text, out _, out _));

    [Fact]
    public void The_first_digit_tells_what_follows()
    {
        Assert.True(new SmtpReply(250, null, ["ok"]).IsPositive);
        Assert.True(new SmtpReply(354, null, ["go on"]).IsIntermediate);
        Assert.True(new SmtpReply(421, null, ["bye"]).IsTransient);
        Assert.True(new SmtpReply(599, null, ["no"]).IsPermanent);
    }
}
