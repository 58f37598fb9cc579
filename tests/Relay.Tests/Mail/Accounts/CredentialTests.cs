using System.Net;
using Relay.Mail.Accounts;

namespace Relay.Tests.Mail.Accounts;

public sealed class CredentialTests
{
    private static readonly DateTimeOffset Now = DateTimeOffset.UnixEpoch.AddDays(20_000);

    private static readonly Credential Plain = new() { Id = "key_1", Account = "shop", Name = "shop", KeyHash = [], CreatedAt = Now };

    [Fact]
    public void A_key_that_names_nothing_is_not_confined()
    {
        Assert.False(Plain.IsConfined);
        Assert.True(Plain.MaySendAs("any.test"));
        Assert.True(Plain.MayComeFrom(null));
        Assert.True(Plain.IsGoodAt(DateTimeOffset.MaxValue));
    }

    [Fact]
    public void A_key_is_confined_by_limits_that_limit_something()
    {
        Assert.False((Plain with { Limits = new SendingLimits() }).IsConfined);
        Assert.True((Plain with { Limits = new SendingLimits { PerSecond = 1 } }).IsConfined);
        Assert.True((Plain with { Limits = new SendingLimits { PerDay = 1 } }).IsConfined);
        Assert.True((Plain with { Limits = new SendingLimits { PerMonth = 1 } }).IsConfined);
    }

    [Theory]
    [InlineData("shop.test", true)]
    [InlineData("news.shop.test", false)]
    [InlineData("a.sub.test", true)]
    [InlineData("a.b.sub.test", true)]
    [InlineData("sub.test", false)]
    [InlineData("xsub.test", false)]
    [InlineData("other.test", false)]
    public void A_key_for_some_domains_sends_as_these_alone(string domain, bool may)
    {
        var key = Plain with { Domains = ["shop.test", "*.sub.test"] };

        Assert.Equal(may, key.MaySendAs(domain));
        Assert.True(key.IsConfined);
    }

    [Theory]
    [InlineData("192.0.2.9", true)]
    [InlineData("::ffff:192.0.2.9", true)]
    [InlineData("2001:db8::9", true)]
    [InlineData("198.51.100.1", false)]
    [InlineData("::1", false)]
    public void A_key_for_some_networks_is_used_from_these_alone(string address, bool may)
    {
        var key = Plain with { AddressRanges = ["192.0.2.0/24", "2001:db8::/32"] };

        Assert.Equal(may, key.MayComeFrom(IPAddress.Parse(address)));
        Assert.False(key.MayComeFrom(null));
    }

    [Fact]
    public void A_range_that_cannot_be_read_lets_nobody_in() =>
        Assert.False((Plain with { AddressRanges = ["anywhere"] }).MayComeFrom(IPAddress.Loopback));

    [Fact]
    public void A_key_ends_at_its_time_and_when_it_is_revoked()
    {
        var key = Plain with { ExpiresAt = Now };

        Assert.True(key.IsGoodAt(Now.AddTicks(-1)));
        Assert.False(key.IsGoodAt(Now));
        Assert.False((Plain with { RevokedAt = Now }).IsGoodAt(Now));
    }
}
