using Relay.TestKit;
using Xunit.Sdk;

namespace Relay.Tests;

public sealed class RealPartsTests
{
    [Fact]
    public void What_is_missing_skips_a_test_and_fails_it_where_all_is_demanded()
    {
        Assert.True(Skips(() => RealParts.Require(isThere: false, "no root", isDemanded: false)));
        Assert.Contains("no root", Assert.Throws<FailException>(() => RealParts.Require(isThere: false, "no root", isDemanded: true)).Message, StringComparison.Ordinal);
        RealParts.Require(isThere: true, "no root", isDemanded: true);
    }

    // Assert.Throws would let it through, and this test be skipped.
    private static bool Skips(Action require)
    {
        try
        {
            require();
            return false;
        }
        catch (SkipException)
        {
            return true;
        }
    }
}
