using System.Net;
using Relay.Intake.Smtp;

namespace Relay.Tests.Intake.Smtp;

public sealed class ConnectionCensusTests
{
    [Fact]
    public void One_address_has_so_many_places_and_another_its_own()
    {
        var census = new ConnectionCensus(maxInAll: 3, maxPerAddress: 2);
        var (one, other) = (IPAddress.Parse("192.0.2.1"), IPAddress.Parse("192.0.2.2"));

        Assert.True(census.TryEnter(one));
        Assert.True(census.TryEnter(one));
        Assert.False(census.TryEnter(one));
        Assert.True(census.TryEnter(other));
        Assert.False(census.TryEnter(other));
        census.Leave(one);
        Assert.True(census.TryEnter(other));
    }

    [Fact]
    public void A_network_of_IPv6_is_one_origin()
    {
        var census = new ConnectionCensus(maxInAll: 10, maxPerAddress: 1);

        Assert.True(census.TryEnter(IPAddress.Parse("2001:db8:0:1::1")));
        Assert.False(census.TryEnter(IPAddress.Parse("2001:db8:0:1:ffff::2")));
        Assert.True(census.TryEnter(IPAddress.Parse("2001:db8:0:2::1")));
        census.Leave(IPAddress.Parse("2001:db8:0:1:ffff::2"));
        Assert.True(census.TryEnter(IPAddress.Parse("2001:db8:0:1::1")));
    }
}
