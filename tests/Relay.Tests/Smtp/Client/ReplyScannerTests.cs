using System.Text;
using Relay.Smtp.Client;

namespace Relay.Tests.Smtp.Client;

public sealed class ReplyScannerTests
{
    public static TheoryData<string, int> WholeReplies => new()
    {
        { "250 Ok\r\n", 250 },
        { "250\r\n", 250 },
        { "354 \r\n", 354 },
        { "250-one\r\n250-two\r\n250 three\r\n", 250 },
        { "250-one\n250 two\n", 250 },
        { "550-5.1.1 No\r\n550 5.1.1 such user\r\n", 550 },
    };

    [Theory]
    [MemberData(nameof(WholeReplies))]
    public void A_reply_is_found_at_every_split_and_no_prefix_of_it_is_one(string text, int code)
    {
        var octets = Encoding.ASCII.GetBytes(text);
        for (var split = 0; split < octets.Length; split++)
        {
            var scanner = new ReplyScanner();

            Assert.Equal(ReplyScan.Incomplete, scanner.Scan(octets.AsSpan(0, split)));
            Assert.Equal(ReplyScan.Complete, scanner.Scan(octets));
            Assert.Equal((code, octets.Length), (scanner.Code, scanner.Length));
        }
    }

    [Fact]
    public void What_follows_a_reply_is_left_alone()
    {
        var scanner = new ReplyScanner();

        Assert.Equal(ReplyScan.Complete, scanner.Scan("250 Ok\r\n354 Go\r\n"u8));
        Assert.Equal(8, scanner.Length);
    }

    [Theory]
    [InlineData("hello\r\n")]
    [InlineData("\r\n")]
    [InlineData("25 Ok\r\n")]
    [InlineData("2500 Ok\r\n")]
    [InlineData("250_Ok\r\n")]
    [InlineData("150 Ok\r\n")]
    [InlineData("650 Ok\r\n")]
    [InlineData("2x0 Ok\r\n")]
    [InlineData("250-Ok\r\nnonsense\r\n")]
    public void What_is_no_reply_is_malformed(string text)
    {
        Assert.Equal(ReplyScan.Malformed, new ReplyScanner().Scan(Encoding.ASCII.GetBytes(text)));
    }

    [Fact]
    public void A_line_without_end_is_too_long()
    {
        var scanner = new ReplyScanner();

        Assert.Equal(ReplyScan.TooLong, scanner.Scan(Encoding.ASCII.GetBytes("250 " + new string('x', ReplyScanner.MaxLineOctets))));
    }

    [Fact]
    public void A_reply_of_a_hundred_lines_is_taken_and_one_of_more_is_too_long()
    {
        var hundred = string.Concat(Enumerable.Repeat("250-x\r\n", 99)) + "250 x\r\n";

        Assert.Equal(ReplyScan.Complete, new ReplyScanner().Scan(Encoding.ASCII.GetBytes(hundred)));
        Assert.Equal(ReplyScan.TooLong, new ReplyScanner().Scan(Encoding.ASCII.GetBytes("250-x\r\n" + hundred)));
    }

    [Fact]
    public void A_reply_of_many_long_lines_is_too_long()
    {
        var line = "250-" + new string('x', 3_000) + "\r\n";

        Assert.Equal(ReplyScan.TooLong, new ReplyScanner().Scan(Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat(line, 40)))));
    }
}
