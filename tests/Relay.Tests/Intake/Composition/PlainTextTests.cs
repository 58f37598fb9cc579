using Relay.Intake.Composition;

namespace Relay.Tests.Intake.Composition;

public sealed class PlainTextTests
{
    [Theory]
    [InlineData("")]
    [InlineData("plain, with\ttab")]
    [InlineData("Grüße 🎉")]
    [InlineData("What is 2+2=?")]
    [InlineData("2+2=? is it 4?= or 5")]
    [InlineData("=? utf-8?q?x?=")]
    public void Words_are_words(string text) => Assert.True(PlainText.IsOneLine(text));

    [Theory]
    [InlineData("a\rb")]
    [InlineData("a\nb")]
    [InlineData("a\0b")]
    [InlineData("a\u0085b")]
    [InlineData("a\u2028b")]
    [InlineData("a\u2029b")]
    [InlineData("a\u001bb")]
    [InlineData("a\u007fb")]
    [InlineData("=?utf-8?q?a=0D=0AX-Evil:_1?=")]
    [InlineData("x=? =?utf-8?B?DQo=?=")]
    public void What_could_end_a_line_here_or_when_decoded_is_not(string text) => Assert.False(PlainText.IsOneLine(text));

    [Fact]
    public void A_text_of_nothing_but_beginnings_is_read_in_one_go() =>
        Assert.True(PlainText.IsOneLine(string.Concat(Enumerable.Repeat("=? ", 100_000))));
}
