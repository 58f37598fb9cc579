using System.Buffers;
using System.Text;
using CsCheck;
using Relay.Smtp.Commands;

namespace Relay.Tests.Smtp.Commands;

public sealed class XtextTests
{
    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("a+b=c d", "a+2Bb+3Dc+20d")]
    [InlineData("tab\tand~", "tab+09and~")]
    public void It_is_written_as_RFC_3461_has_it(string text, string xtext) => Assert.Equal(xtext, Encoding.ASCII.GetString(Encoded(text)));

    [Theory]
    [InlineData("")]
    [InlineData("é")]
    public void What_it_cannot_stand_for_is_known_before(string text) => Assert.False(Xtext.CanEncode(text));

    [Fact]
    public void Printable_text_survives() =>
        Gen.String[Gen.Char[' ', '~'], 0, 60].Sample(text =>
            Assert.True(Xtext.TryDecode(Encoded(text), out var back) && back == text));

    [Theory]
    [InlineData("+")]
    [InlineData("+4")]
    [InlineData("+4G")]
    [InlineData("+0D+0A")]
    [InlineData("+00")]
    [InlineData("+7F")]
    [InlineData("a b")]
    [InlineData("a=b")]
    [InlineData("+C3")]
    public void What_is_not_xtext_is_refused(string xtext) => Assert.False(Xtext.TryDecode(Encoding.ASCII.GetBytes(xtext), out _));

    private static byte[] Encoded(string text)
    {
        var output = new ArrayBufferWriter<byte>();
        Xtext.Encode(text, output);
        return output.WrittenSpan.ToArray();
    }
}
