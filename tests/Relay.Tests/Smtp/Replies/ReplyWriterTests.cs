using System.Text;
using Relay.Smtp.Replies;

namespace Relay.Tests.Smtp.Replies;

public sealed class ReplyWriterTests
{
    [Fact]
    public void A_reply_of_one_line() => Assert.Equal("550 5.7.1 No\r\n", Write(new SmtpReply(550, "5.7.1", "No")));

    [Fact]
    public void A_reply_of_several_lines_repeats_its_codes() =>
        Assert.Equal("550-5.7.1 No\r\n550 5.7.1 and again\r\n", Write(new SmtpReply(550, new EnhancedStatusCode(5, 7, 1), ["No", "and again"])));

    [Fact]
    public void No_text_makes_two_replies_of_one() =>
        Assert.Equal("550 5.7.1 a  250 b c?d?\r\n", Write(new SmtpReply(550, "5.7.1", "a\r\n250 b\tc\0d\u00e9")));

    [Fact]
    public void A_long_text_is_wrapped_and_nothing_of_it_lost()
    {
        var words = string.Join(' ', Enumerable.Range(0, 300));
        var lines = Write(new SmtpReply(550, "5.7.1", words)).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);

        Assert.All(lines, line => Assert.True(line.Length <= 510));
        Assert.All(lines[..^1], line => Assert.StartsWith("550-5.7.1 ", line, StringComparison.Ordinal));
        Assert.StartsWith("550 5.7.1 ", lines[^1], StringComparison.Ordinal);
        Assert.Equal(words, string.Join(' ', lines.Select(line => line[10..])));
    }

    private static string Write(SmtpReply reply) => Encoding.ASCII.GetString(ReplyWriter.ToBytes(reply));
}
