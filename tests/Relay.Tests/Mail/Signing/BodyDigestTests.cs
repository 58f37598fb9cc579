using System.Security.Cryptography;
using System.Text;
using CsCheck;
using Relay.Mail.Signing;

namespace Relay.Tests.Mail.Signing;

public sealed class BodyDigestTests
{
    private static readonly string[] Pieces = ["a", "bcd", " ", "\t", "\r\n", "\r", "\n", "é", new string('x', 5000)];

    [Theory]
    [InlineData("", "")]
    [InlineData("\r\n", "")]
    [InlineData("\r\n\r\n\r\n", "")]
    [InlineData(" \t \r\n\t\r\n", "")]
    [InlineData("a", "a\r\n")]
    [InlineData("a\r\n", "a\r\n")]
    [InlineData("a\r\n\r\n\r\n", "a\r\n")]
    [InlineData("a\r\n\r\nb", "a\r\n\r\nb\r\n")]
    [InlineData("\r\n\r\na\r\n", "\r\n\r\na\r\n")]
    [InlineData("a \t\r\n b\t\tc  \r\n", "a\r\n b c\r\n")]
    [InlineData(" \r\na\r\n", "\r\na\r\n")]
    [InlineData("a\r\n  ", "a\r\n")]
    [InlineData("a \r", "a \r\r\n")]
    [InlineData("a\rb\nc\r\n", "a\rb\nc\r\n")]
    [InlineData("\r\r\n", "\r\r\n")]
    // The example of RFC 6376, 3.4.5.
    [InlineData(" C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n")]
    public void A_body_is_hashed_in_its_relaxed_form_wherever_it_is_cut(string body, string relaxed)
    {
        var octets = Encoding.Latin1.GetBytes(body);
        var expected = SHA256.HashData(Encoding.Latin1.GetBytes(relaxed));

        Assert.Equal(expected, BodyDigest.Of(octets));
        for (var cut = 0; cut <= octets.Length; cut++)
        {
            using var digest = new BodyDigest();
            digest.Append(octets.AsSpan(0, cut));
            digest.Append(octets.AsSpan(cut));
            Assert.Equal(expected, digest.Finish());
        }
    }

    [Fact]
    public void The_form_follows_the_rules_of_RFC_6376_for_any_text() =>
        Gen.Int[0, Pieces.Length - 1].Select(i => Pieces[i]).Array[0, 40]
            .Select(Gen.Int[1, 9])
            .Sample((pieces, size) =>
            {
                var octets = Encoding.Latin1.GetBytes(string.Concat(pieces));
                using var digest = new BodyDigest();
                foreach (var piece in octets.Chunk(size))
                {
                    digest.Append(piece);
                }

                Assert.Equal(SHA256.HashData(Encoding.Latin1.GetBytes(Relaxed(string.Concat(pieces)))), digest.Finish());
            });

    [Theory]
    [InlineData("A: b\r\n\r\nbody", 8)]
    [InlineData("\r\nbody", 2)]
    [InlineData("A: b\r\n", 6)]
    [InlineData("A: b\r\n\r\n", 8)]
    public void A_body_begins_behind_the_empty_line(string content, int start) =>
        Assert.Equal(start, BodyDigest.StartOfBody(Encoding.ASCII.GetBytes(content)));

    // The two rules as the RFC says them, one after the other, on the whole text.
    private static string Relaxed(string body)
    {
        var lines = body.Split("\r\n").Select(line =>
            System.Text.RegularExpressions.Regex.Replace(line, "[ \t]+", " ").TrimEnd(' ')).ToList();
        while (lines.Count > 0 && lines[^1].Length == 0)
        {
            lines.RemoveAt(lines.Count - 1);
        }

        return string.Concat(lines.Select(line => line + "\r\n"));
    }
}
