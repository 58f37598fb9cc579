using System.Text;
using CsCheck;
using Relay.Redis.Embedded.Storage;
using Relay.Redis.Embedded.Wire;

namespace Relay.Tests.Redis.Embedded.Wire;

public sealed class NumbersTests
{
    [Theory]
    [InlineData(0, "0")]
    [InlineData(1, "1")]
    [InlineData(-2.5, "-2.5")]
    [InlineData(0.1, "0.10000000000000001")]
    [InlineData(1e17, "1e+17")]
    [InlineData(1.5e-7, "1.4999999999999999e-07")]
    [InlineData(1763856000123, "1763856000123")]
    [InlineData(9007199254740993, "9007199254740992")]
    [InlineData(double.PositiveInfinity, "inf")]
    [InlineData(double.NegativeInfinity, "-inf")]
    public void A_score_is_written_as_redis_does(double score, string expected)
    {
        Span<byte> text = stackalloc byte[32];

        Assert.Equal(expected, Encoding.ASCII.GetString(text[..Numbers.Format(score, text)]));
    }

    [Fact]
    public void What_is_written_is_read_as_the_same_score() => Gen.Double.Where(d => !double.IsNaN(d)).Sample(score =>
    {
        var text = new byte[32];
        return Numbers.TryParse(text.AsSpan(0, Numbers.Format(score, text)), out double read) && read == score;
    });

    [Fact]
    public void Scores_sort_by_their_octets() => Gen.Select(Gen.Double, Gen.Double).Where((a, b) => !double.IsNaN(a) && !double.IsNaN(b)).Sample((a, b) =>
        Score.ToOrdered(a).CompareTo(Score.ToOrdered(b)) == a.CompareTo(b) || a == b);

    [Theory]
    [InlineData("")]
    [InlineData("+1")]
    [InlineData("01")]
    [InlineData("-0")]
    [InlineData("1 ")]
    [InlineData("9223372036854775808")]
    public void What_is_no_whole_number_is_refused(string text) => Assert.False(Numbers.TryParse(Encoding.ASCII.GetBytes(text), out long _));
}
