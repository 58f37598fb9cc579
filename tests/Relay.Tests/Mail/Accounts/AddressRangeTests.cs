using System.Net;
using Relay.Mail.Accounts;

namespace Relay.Tests.Mail.Accounts;

public sealed class AddressRangeTests
{
    [Theory]
    [InlineData("192.0.2.0/24", "192.0.2.0/24", "192.0.2.255", true)]
    [InlineData("192.0.2.7/24", "192.0.2.0/24", "192.0.3.0", false)]
    [InlineData("192.0.2.7", "192.0.2.7/32", "192.0.2.7", true)]
    [InlineData("192.0.2.7", "192.0.2.7/32", "192.0.2.8", false)]
    [InlineData("192.0.2.128/25", "192.0.2.128/25", "192.0.2.127", false)]
    [InlineData("0.0.0.0/0", "0.0.0.0/0", "203.0.113.1", true)]
    [InlineData("0.0.0.0/0", "0.0.0.0/0", "2001:db8::1", false)]
    [InlineData("2001:db8::1/32", "2001:db8::/32", "2001:db8:ffff::1", true)]
    [InlineData("2001:db8::/33", "2001:db8::/33", "2001:db8:8000::", false)]
    [InlineData("::1", "::1/128", "::1", true)]
    [InlineData("192.0.2.0/24", "192.0.2.0/24", "::ffff:192.0.2.9", true)]
    [InlineData("::ffff:192.0.2.0/120", "192.0.2.0/24", "192.0.2.9", true)]
    [InlineData("::/0", "::/0", "192.0.2.9", false)]
    public void A_network_holds_its_addresses_and_no_others(string text, string normal, string address, bool holds)
    {
        Assert.True(AddressRange.TryParse(text, out var range));

        Assert.Equal(normal, range.ToString());
        Assert.Equal(holds, range.Contains(IPAddress.Parse(address)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("/24")]
    [InlineData("192.0.2.0/")]
    [InlineData("192.0.2.0/33")]
    [InlineData("192.0.2.0/-1")]
    [InlineData("192.0.2.0/+8")]
    [InlineData("192.0.2.0/24/8")]
    [InlineData("192.0.2/24")]
    [InlineData("3221225985")]
    [InlineData("2001:db8::/129")]
    [InlineData("::ffff:192.0.2.0/24")]
    [InlineData("fe80::1%eth0")]
    [InlineData("example.com")]
    public void What_is_no_network_is_not_taken_for_one(string text) => Assert.False(AddressRange.TryParse(text, out _));
}
