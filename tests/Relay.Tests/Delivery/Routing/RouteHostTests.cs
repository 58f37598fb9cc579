using System.Net;
using Relay.Delivery.Routing;

namespace Relay.Tests.Delivery.Routing;

public sealed class RouteHostTests
{
    [Theory]
    [InlineData("192.0.2.1", "192.0.2.1")]
    [InlineData("2001:db8::1", "2001:db8::1")]
    [InlineData("::ffff:192.0.2.1", "192.0.2.1")]
    public void A_host_that_is_an_address_is_reached_over_its_own_family(string name, string address) =>
        Assert.Equal(IPAddress.Parse(address), new RouteHost(name, 25).Address);

    [Fact]
    public void A_host_with_a_name_has_no_address_of_its_own() => Assert.Null(new RouteHost("mx.example.com", 25).Address);
}
