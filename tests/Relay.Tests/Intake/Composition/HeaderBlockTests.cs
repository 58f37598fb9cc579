using System.Text;
using CsCheck;
using Relay.Intake.Composition;

namespace Relay.Tests.Intake.Composition;

public sealed class HeaderBlockTests
{
    [Theory]
    [InlineData("Subject: a\r\n\r\nbody", " a")]
    [InlineData("Subject:a\r\n b\r\n\tc\r\nFrom: x\r\n\r\n", "a\r\n b\r\n\tc")]
    [InlineData("SUBJECT : a\r\n\r\n", " a")]
    [InlineData("From: x\r\nSubject: a", " a")]
    [InlineData("Subject: a\r\nSubject: b\r\n c\r\n\r\n", " a")]
    [InlineData("Subject: a\r\nX: 1\r\n fold\r\n\r\n", " a")]
    [InlineData("X: 1\r\n\r\nSubject: in the body\r\n", "")]
    public void The_first_value_is_found_with_its_folds(string content, string value)
    {
        Assert.Equal(value, Encoding.UTF8.GetString(Read(content).Value(HeaderField.Subject)));
    }

    [Fact]
    public void A_header_ends_at_the_empty_line_or_with_the_content()
    {
        Assert.Equal(8, Read("From: x\r\n\r\nTo: y\r\n").Length - 1);
        Assert.Equal(7, Read("From: x").Length);
        Assert.Equal(0, Read("\r\nFrom: x\r\n").Length);
        Assert.Equal(0, Read("").Length);
        Assert.False(HeaderBlock.TryRead("From: x\r\n"u8.ToArray(), isWhole: false, out _, out _));
        Assert.True(HeaderBlock.TryRead("From: x\r\n\r\n"u8.ToArray(), isWhole: false, out _, out _));
    }

    [Fact]
    public void No_octets_can_do_more_than_be_refused()
    {
        Gen.Byte.Array[0, 200].Sample(octets =>
        {
            _ = HeaderBlock.TryRead(octets, isWhole: true, out var header, out var problem)
                ? header.Value(HeaderField.From).Length
                : problem.Length;
        });
    }

    [Fact]
    public void Every_beginning_of_a_header_is_read_or_refused()
    {
        var content = "From: a@x.test\r\nSubject: one\r\n two\r\nReceived: x\r\n\r\nbody"u8.ToArray();
        for (var length = 0; length <= content.Length; length++)
        {
            _ = HeaderBlock.TryRead(content.AsMemory(0, length), isWhole: true, out _, out _);
            var isComplete = HeaderBlock.TryRead(content.AsMemory(0, length), isWhole: false, out _, out _);
            Assert.Equal(length >= 51, isComplete);
        }
    }

    private static HeaderBlock Read(string content)
    {
        Assert.True(HeaderBlock.TryRead(Encoding.UTF8.GetBytes(content), isWhole: true, out var header, out var problem), problem);
        return header;
    }
}
