using CsCheck;
using Relay.Intake.Http.Suppressions;

namespace Relay.Tests.Intake.Http;

public sealed class CsvLineTests
{
    [Fact]
    public void What_is_written_is_read_again() =>
        Gen.OneOf(Gen.String[Gen.Char["a \",ü\t"], 0, 12], Gen.String[0, 12]).Array[1, 5].Sample(values =>
        {
            Assert.True(CsvLine.TryRead(CsvLine.Write(values), out var read));
            Assert.Equal(values.Select(value => value.ReplaceLineEndings(" ")), read);
        });

    [Theory]
    [InlineData("\"open")]
    [InlineData("a,\"b\"c")]
    [InlineData("a\"b")]
    public void A_quote_in_the_wrong_place_is_refused(string line) => Assert.False(CsvLine.TryRead(line, out _));
}
