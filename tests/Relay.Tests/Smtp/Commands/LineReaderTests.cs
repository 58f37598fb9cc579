using System.Buffers;
using Relay.Smtp.Commands;

namespace Relay.Tests.Smtp.Commands;

public sealed class LineReaderTests
{
    private readonly LineReader _reader = new();

    [Fact]
    public void A_line_ends_with_CRLF_and_what_is_behind_it_stays()
    {
        var buffer = Octets.Of("NOOP\r\nQUIT\r\n");

        Assert.Equal(LineRead.Complete, _reader.Read(ref buffer, 100, out var line));
        Assert.Equal("NOOP", Octets.Text(line));
        Assert.Equal("QUIT\r\n", Octets.Text(buffer));
    }

    [Fact]
    public void A_line_is_found_wherever_it_is_split()
    {
        const string Text = "MAIL FROM:<a@b.test>\r\nrest";
        for (var i = 0; i <= Text.Length; i++)
        {
            for (var j = i; j <= Text.Length; j++)
            {
                var buffer = Octets.Of(Text[..i], Text[i..j], Text[j..]);
                Assert.Equal(LineRead.Complete, _reader.Read(ref buffer, 100, out var line));
                Assert.Equal("MAIL FROM:<a@b.test>", Octets.Text(line));
                Assert.Equal("rest", Octets.Text(buffer));
            }
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("N")]
    [InlineData("NOOP")]
    [InlineData("NOOP\r")]
    [InlineData("NOOP\n")]
    [InlineData("NOOP\n\n")]
    [InlineData("NOOP\r\r")]
    [InlineData("NOOP\n\r")]
    public void An_unfinished_line_consumes_nothing(string text)
    {
        var buffer = Octets.Of(text);

        Assert.Equal(LineRead.Incomplete, _reader.Read(ref buffer, 100, out _));
        Assert.Equal(text, Octets.Text(buffer));
    }

    [Theory]
    [InlineData("NO\nOP\r\n")]
    [InlineData("NO\rOP\r\n")]
    [InlineData("NO\0OP\r\n")]
    [InlineData("NOOP\r\r\n")]
    [InlineData("NOOP\n\r\n")]
    [InlineData("\0\r\n")]
    public void A_lone_CR_or_LF_or_a_NUL_spoils_the_line_it_stands_in_and_no_other(string text)
    {
        for (var i = 0; i <= text.Length; i++)
        {
            var buffer = Octets.Of(text[..i], text[i..], "QUIT\r\n");

            Assert.Equal(LineRead.Corrupt, _reader.Read(ref buffer, 100, out _));
            Assert.Equal(LineRead.Complete, _reader.Read(ref buffer, 100, out var line));
            Assert.Equal("QUIT", Octets.Text(line));
        }
    }

    [Fact]
    public void The_limit_counts_CRLF()
    {
        var fits = Octets.Of("12345678\r\n");
        var exceeds = Octets.Of("123456789\r\n");

        Assert.Equal(LineRead.Complete, _reader.Read(ref fits, 10, out _));
        Assert.Equal(LineRead.TooLong, _reader.Read(ref exceeds, 10, out _));
        Assert.True(exceeds.IsEmpty);
    }

    [Fact]
    public void A_line_that_is_too_long_is_dropped_as_it_comes_and_told_once()
    {
        for (var piece = 0; piece < 50; piece++)
        {
            var part = Octets.Of(new string('x', 1_000));
            Assert.Equal(LineRead.Incomplete, _reader.Read(ref part, 100, out _));
            Assert.True(part.IsEmpty);
        }

        var cr = Octets.Of("xx\r");
        Assert.Equal(LineRead.Incomplete, _reader.Read(ref cr, 100, out _));
        Assert.Equal("\r", Octets.Text(cr));
        var end = Octets.Of("\r", "\nNOOP\r\n");
        Assert.Equal(LineRead.TooLong, _reader.Read(ref end, 100, out _));
        Assert.Equal(LineRead.Complete, _reader.Read(ref end, 100, out var line));
        Assert.Equal("NOOP", Octets.Text(line));
    }

    [Fact]
    public void A_line_at_the_limit_may_still_lack_its_LF()
    {
        var buffer = Octets.Of("12345678\r");
        Assert.Equal(LineRead.Incomplete, _reader.Read(ref buffer, 10, out _));
        buffer = Octets.Of("12345678\r", "\n");
        Assert.Equal(LineRead.Complete, _reader.Read(ref buffer, 10, out _));
    }

    [Fact]
    public void Nothing_is_left_of_a_line_half_skipped_after_a_reset()
    {
        var long_ = Octets.Of(new string('x', 1_000));
        _reader.Read(ref long_, 100, out _);
        _reader.Reset();

        var buffer = Octets.Of("NOOP\r\n");
        Assert.Equal(LineRead.Complete, _reader.Read(ref buffer, 100, out _));
    }
}
