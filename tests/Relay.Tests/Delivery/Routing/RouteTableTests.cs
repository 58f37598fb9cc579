using Microsoft.Extensions.Options;
using Relay.Delivery;
using Relay.Delivery.Routing;

namespace Relay.Tests.Delivery.Routing;

public sealed class RouteTableTests
{
    [Theory]
    [InlineData("exact.test", "exact")]
    [InlineData("sub.exact.test", "all")]
    [InlineData("a.parent.test", "parent")]
    [InlineData("b.a.parent.test", "parent")]
    [InlineData("deep.near.parent.test", "near")]
    [InlineData("parent.test", "all")]
    [InlineData("xn--mnchen-3ya.test", "international")]
    [InlineData("else.test", "all")]
    [InlineData("[192.0.2.1]", "all")]
    public void The_closest_rule_counts_wherever_it_stands(string domain, string host)
    {
        Assert.Equal(host, Table(
            ("*", "all"), ("exact.test", "exact"), ("*.parent.test", "parent"), ("*.near.parent.test", "near"), ("M\u00fcnchen.test", "international"), ("exact.test", "too late"))
            .Find(domain)!.Hosts[0].Name);
    }

    [Fact]
    public void A_domain_without_a_rule_has_no_route()
    {
        Assert.Null(Table(("exact.test", "exact")).Find("else.test"));
        Assert.Null(Table().Find("else.test"));
    }

    [Fact]
    public void Routes_that_differ_in_their_login_are_sites_of_their_own()
    {
        var options = new DeliveryOptions
        {
            Routes =
            [
                new RouteOptions { Domain = "a.test", Host = "smart.test", Username = "a", Password = "x" },
                new RouteOptions { Domain = "b.test", Host = "smart.test", Username = "b", Password = "x" },
            ],
        };
        var table = new RouteTable(Options.Create(options));

        Assert.NotEqual(table.Find("a.test")!.Key, table.Find("b.test")!.Key);
        Assert.DoesNotContain("x", table.Find("a.test")!.Login!.ToString());
    }

    private static RouteTable Table(params (string Domain, string Host)[] routes) =>
        new(Options.Create(new DeliveryOptions { Routes = [.. routes.Select(r => new RouteOptions { Domain = r.Domain, Host = r.Host })] }));
}
