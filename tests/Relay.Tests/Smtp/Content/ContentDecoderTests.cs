using System.Text;
using CsCheck;
using Relay.Smtp.Content;

namespace Relay.Tests.Smtp.Content;

public sealed class ContentDecoderTests
{
    private static readonly string[] Ends = ["\n", "\r", "\r\n", "\r\r\n", "", "\0", "\r\n\0", "\0\r\n"];
    private static readonly string[] Parts = ["\r\n", ".", "..", "a", "\u00e9", " ", "line"];

    [Theory]
    [InlineData(".\r\n", "")]
    [InlineData("\r\n.\r\n", "\r\n")]
    [InlineData("a\r\n.\r\n", "a\r\n")]
    [InlineData("..\r\n.\r\n", ".\r\n")]
    [InlineData("...\r\n.\r\n", "..\r\n")]
    [InlineData(".a\r\n.\r\n", "a\r\n")]
    [InlineData("a.\r\n.\r\n", "a.\r\n")]
    [InlineData("a\r\n..b\r\n\r\n..\r\n.\r\n", "a\r\n.b\r\n\r\n.\r\n")]
    public void Dots_are_taken_off_wherever_the_content_is_split(string wire, string content) =>
        EverySplit(wire, pieces =>
        {
            var decoder = ContentDecoder.ForData();
            Assert.Equal(content, Decode(decoder, out _, pieces));
            Assert.True(decoder.IsComplete);
            Assert.Equal(ContentFault.None, decoder.Fault);
        });

    [Fact]
    public void What_was_stuffed_comes_back_whatever_it_was() =>
        Gen.Select(Gen.Int[0, 6].Select(i => Parts[i]).Array[0, 40], Gen.Int[1, 7]).Sample((parts, size) =>
        {
            var content = string.Concat(parts);
            content = content.Length == 0 || content.EndsWith("\r\n", StringComparison.Ordinal) ? content : content + "\r\n";
            var wire = Stuff(content) + ".\r\n";

            var decoder = ContentDecoder.ForData();
            var pieces = wire.Chunk(size).Select(piece => new string(piece)).ToArray();

            Assert.Equal(content, Decode(decoder, out var rest, pieces));
            Assert.True(decoder.IsComplete);
            Assert.Equal(ContentFault.None, decoder.Fault);
            Assert.Equal(content.Contains('\u00e9', StringComparison.Ordinal), decoder.HasEightBit);
            Assert.Equal("", rest);
        });

    [Fact]
    public void What_is_behind_the_end_stays_where_it_is()
    {
        var decoder = ContentDecoder.ForData();

        Assert.Equal("a\r\n", Decode(decoder, out var rest, "a\r\n.\r\nMAIL FROM:<b@x.test>\r\n.\r\n"));
        Assert.Equal("MAIL FROM:<b@x.test>\r\n.\r\n", rest);
    }

    public static TheoryData<int, int> Pairs => [.. from before in Enumerable.Range(0, Ends.Length) from after in Enumerable.Range(0, Ends.Length) select (before, after)];

    [Theory]
    [MemberData(nameof(Pairs))]
    public void Nothing_but_CRLF_dot_CRLF_ends_a_content(int before, int after)
    {
        var head = $"first{Ends[before]}.{Ends[after]}";
        var wire = $"{head}second\r\n.\r\n";
        // The true end of each: the first CRLF "." CRLF in it, whatever stands around.
        var end = wire.IndexOf("\r\n.\r\n", StringComparison.Ordinal) + 5;

        EverySplit(wire, pieces =>
        {
            var decoder = ContentDecoder.ForData();
            Decode(decoder, out var rest, pieces);

            Assert.True(decoder.IsComplete);
            Assert.Equal(wire[end..], rest);
            Assert.Equal(IsClean(wire[..end]), decoder.Fault == ContentFault.None);
        });
    }

    [Theory]
    [InlineData("a\nb\r\n", ContentFault.BareLf)]
    [InlineData("a\rb\r\n", ContentFault.BareCr)]
    [InlineData("a\0b\r\n", ContentFault.Nul)]
    [InlineData("a\r\r\n", ContentFault.BareCr)]
    [InlineData("\n", ContentFault.BareLf)]
    [InlineData("a\r\n.\n", ContentFault.BareLf)]
    [InlineData("a\r\n.\r\r\n", ContentFault.BareCr)]
    [InlineData("a\r\n.\rb\r\n", ContentFault.BareCr)]
    [InlineData("a\r\n.\0\r\n", ContentFault.Nul)]
    public void What_makes_a_content_unfit_is_noted_and_read_over(string content, ContentFault fault) =>
        EverySplit(content + "\r\n.\r\n", pieces =>
        {
            var decoder = ContentDecoder.ForData();
            Decode(decoder, out _, pieces);

            Assert.True(decoder.IsComplete);
            Assert.Equal(fault, decoder.Fault);
        });

    [Theory]
    [InlineData("")]
    [InlineData("a")]
    [InlineData("a\r\n")]
    [InlineData("a\r\n.")]
    [InlineData("a\r\n.\r")]
    [InlineData(".")]
    [InlineData(".\r")]
    public void An_unfinished_content_is_not_complete(string wire)
    {
        var decoder = ContentDecoder.ForData();
        Decode(decoder, out var rest, wire);

        Assert.False(decoder.IsComplete);
        Assert.Equal("", rest);
    }

    [Theory]
    [InlineData(".\r\n", ContentFault.None)]
    [InlineData("a\r\n.\r\n..\r\n", ContentFault.None)]
    [InlineData("no end", ContentFault.None)]
    [InlineData("a\r\nb\r", ContentFault.BareCr)]
    [InlineData("a\nb", ContentFault.BareLf)]
    [InlineData("a\r.\n", ContentFault.BareCr)]
    [InlineData("\0", ContentFault.Nul)]
    public void In_counted_content_a_dot_is_a_dot(string content, ContentFault fault) =>
        EverySplit(content, pieces =>
        {
            var decoder = ContentDecoder.ForChunks();
            var text = Decode(decoder, out _, pieces);
            decoder.Finish();

            Assert.Equal(content, text);
            Assert.False(decoder.IsComplete);
            Assert.Equal(fault, decoder.Fault);
        });

    [Theory]
    [InlineData("a\r\nlonger\r\nb\r\n.\r\n", 8)]
    [InlineData("\r\n.\r\n", 2)]
    [InlineData(".\r\n", 0)]
    public void The_longest_line_is_measured_with_its_CRLF(string wire, int octets) =>
        EverySplit(wire, pieces =>
        {
            var decoder = ContentDecoder.ForData();
            Decode(decoder, out _, pieces);
            Assert.Equal(octets, decoder.LongestLine);
        });

    private static bool IsClean(string wire) =>
        !wire.Replace("\r\n", "", StringComparison.Ordinal).AsSpan().ContainsAny('\r', '\n', '\0');

    private static string Stuff(string content) =>
        (content.StartsWith('.') ? "." : "") + content.Replace("\r\n.", "\r\n..", StringComparison.Ordinal);

    private static string Decode(ContentDecoder decoder, out string rest, params string[] pieces)
    {
        var content = new StringBuilder();
        rest = "";
        foreach (var piece in pieces)
        {
            ReadOnlySpan<byte> input = Encoding.Latin1.GetBytes(piece);
            while (!input.IsEmpty && !decoder.IsComplete)
            {
                content.Append(Encoding.Latin1.GetString(decoder.Decode(ref input)));
            }

            rest += Encoding.Latin1.GetString(input);
        }

        return content.ToString();
    }

    // Whole, in two pieces at every place, and octet by octet.
    private static void EverySplit(string wire, Action<string[]> check)
    {
        for (var i = 0; i <= wire.Length; i++)
        {
            check([wire[..i], wire[i..]]);
        }

        check([.. wire.Select(c => c.ToString())]);
    }
}
