using System.Text;
using Relay.Smtp.Client;

namespace Relay.Tests.Smtp.Client;

public sealed class ReplyDecoderTests
{
    [Theory]
    [InlineData("250 2.0.0 Ok: queued as 1\r\n", "250 2.0.0 Ok: queued as 1")]
    [InlineData("550-5.1.1 No such\r\n550 5.1.1 user\r\n", "550 5.1.1 No such user")]
    [InlineData("250\r\n", "250")]
    [InlineData("550 plain words\r\n", "550 plain words")]
    public void A_reply_on_one_line_is_what_the_remote_said(string wire, string line)
    {
        Assert.Equal(line, ReplyDecoder.OneLine(int.Parse(wire[..3]), Encoding.UTF8.GetBytes(wire)));
    }

    [Fact]
    public void The_enhanced_code_is_parted_from_the_text_of_each_line()
    {
        var reply = ReplyDecoder.Decode(550, "550-5.7.1 Not\r\n550 5.7.1 today\r\n"u8);

        Assert.Equal("5.7.1", reply.Enhanced.ToString());
        Assert.Equal(["Not", "today"], reply.Lines);
    }

    [Fact]
    public void An_enhanced_code_of_another_class_is_only_text()
    {
        var reply = ReplyDecoder.Decode(550, "550 4.7.1 Not today\r\n"u8);

        Assert.Null(reply.Enhanced);
        Assert.Equal(["4.7.1 Not today"], reply.Lines);
    }

    [Fact]
    public void No_control_character_of_a_remote_reaches_a_timeline()
    {
        Assert.Equal("550 a b c", ReplyDecoder.OneLine(550, "550 a\u001bb\0c\r\n"u8));
    }

    [Fact]
    public void Octets_that_are_no_utf8_are_replaced()
    {
        Assert.Equal("550 caf\ufffd", ReplyDecoder.OneLine(550, [.. "550 caf"u8, 0xe9, .. "\r\n"u8]));
    }
}
