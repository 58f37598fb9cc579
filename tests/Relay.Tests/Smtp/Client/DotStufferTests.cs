using System.Buffers;
using System.Text;
using CsCheck;
using Relay.Smtp.Client;

namespace Relay.Tests.Smtp.Client;

public sealed class DotStufferTests
{
    [Theory]
    [InlineData("", ".\r\n")]
    [InlineData("a\r\n", "a\r\n.\r\n")]
    [InlineData("a", "a\r\n.\r\n")]
    [InlineData(".", "..\r\n.\r\n")]
    [InlineData(".\r\n", "..\r\n.\r\n")]
    [InlineData("..a\r\n.b\r\n", "...a\r\n..b\r\n.\r\n")]
    [InlineData("a.b\r\n\r\n.c", "a.b\r\n\r\n..c\r\n.\r\n")]
    [InlineData("\r\n.\r\nMAIL FROM:<>\r\n", "\r\n..\r\nMAIL FROM:<>\r\n.\r\n")]
    public void Dots_are_doubled_at_line_starts_however_the_body_is_cut(string body, string wire)
    {
        var octets = Encoding.ASCII.GetBytes(body);
        for (var first = 0; first <= octets.Length; first++)
        {
            for (var second = first; second <= octets.Length; second++)
            {
                Assert.Equal(wire, Stuffed(octets[..first], octets[first..second], octets[second..]));
            }
        }
    }

    public static TheoryData<string> Smuggled
    {
        get
        {
            string[] ends = ["\n", "\r", "\r\r\n", "\n\r"];
            return [.. ends.SelectMany(e => (string[])[$"a{e}b\r\n", $"a{e}.\r\n", $"a\r\n.{e}b\r\n", $"a{e}.{e}", $"a{e}"])];
        }
    }

    [Theory]
    [MemberData(nameof(Smuggled))]
    public void A_lone_CR_or_LF_is_refused_at_every_cut(string body)
    {
        var octets = Encoding.ASCII.GetBytes(body);
        for (var cut = 0; cut <= octets.Length; cut++)
        {
            Assert.Null(Stuffed(octets[..cut], octets[cut..]));
        }
    }

    [Fact]
    public void Any_body_of_whole_lines_comes_back_as_it_was_and_ends_only_once()
    {
        var line = Gen.OneOf(Gen.Const("."), Gen.Const(""), Gen.Const(".."), Gen.String[Gen.Char['a', 'z'], 0, 5], Gen.Const(".x"));
        line.List[0, 20].Select(lines => string.Concat(lines.Select(l => l + "\r\n"))).Sample(body =>
        {
            var wire = Stuffed(Encoding.ASCII.GetBytes(body))!;

            Assert.Equal(wire.Length - 3, ("\r\n" + wire).IndexOf("\r\n.\r\n", StringComparison.Ordinal));
            Assert.Equal(body, string.Concat(wire[..^3].Split("\r\n")[..^1].Select(l => (l.StartsWith('.') ? l[1..] : l) + "\r\n")));
        });
    }

    // Null when the body is refused.
    private static string? Stuffed(params byte[][] pieces)
    {
        var output = new ArrayBufferWriter<byte>();
        var stuffer = new DotStuffer();
        foreach (var piece in pieces)
        {
            var rest = piece.AsSpan();
            while (true)
            {
                var found = stuffer.Take(rest, out var length);
                output.Write(rest[..length]);
                if (found == DotStuffing.Malformed)
                {
                    return null;
                }

                if (found == DotStuffing.Clean)
                {
                    break;
                }

                output.Write("."u8);
                rest = rest[length..];
            }
        }

        if (!stuffer.TryEnd(out var end))
        {
            return null;
        }

        output.Write(end);
        return Encoding.ASCII.GetString(output.WrittenSpan);
    }
}
