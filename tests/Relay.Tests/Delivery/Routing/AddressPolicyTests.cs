using System.Net;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using Relay.Delivery;
using Relay.Delivery.Routing;
using Relay.Mail.Events;
using Relay.TestKit.Dns;
using Relay.TestKit.Remote;

namespace Relay.Tests.Delivery.Routing;

public sealed class AddressPolicyTests
{
    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("10.1.2.3")]
    [InlineData("100.64.0.1")]
    [InlineData("127.0.0.1")]
    [InlineData("127.9.9.9")]
    [InlineData("169.254.169.254")]
    [InlineData("172.31.255.255")]
    [InlineData("192.168.0.1")]
    [InlineData("192.0.2.1")]
    [InlineData("198.18.0.1")]
    [InlineData("224.0.0.1")]
    [InlineData("255.255.255.255")]
    [InlineData("::")]
    [InlineData("::1")]
    [InlineData("::7f00:1")]
    [InlineData("::ffff:10.0.0.1")]
    [InlineData("::ffff:127.0.0.1")]
    [InlineData("64:ff9b::10.0.0.1")]
    [InlineData("64:ff9b:1::1")]
    [InlineData("2002:0a00:0001::1")]
    [InlineData("2001:db8::1")]
    [InlineData("2001::1")]
    [InlineData("fc00::1")]
    [InlineData("fd12::1")]
    [InlineData("fe80::1")]
    [InlineData("ff02::1")]
    public void An_internal_address_is_known_in_every_form(string address)
    {
        Assert.NotNull(AddressPolicy.KindOf(IPAddress.Parse(address)));
    }

    [Theory]
    [InlineData("8.8.8.8")]
    [InlineData("100.63.255.255")]
    [InlineData("172.32.0.1")]
    [InlineData("193.0.0.1")]
    [InlineData("2a00:1450:4001::1a")]
    [InlineData("::ffff:8.8.8.8")]
    [InlineData("64:ff9b::8.8.8.8")]
    public void A_public_address_is_free(string address)
    {
        Assert.Null(AddressPolicy.KindOf(IPAddress.Parse(address)));
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("127.9.9.9")]
    [InlineData("::1")]
    [InlineData("::ffff:127.0.0.1")]
    [InlineData("64:ff9b::127.0.0.1")]
    [InlineData("2002:7f00:0001::1")]
    public void We_know_ourselves_in_every_form_even_where_private_hosts_are_allowed(string address)
    {
        var options = Options.Create(new DeliveryOptions { AllowPrivateDestinations = true });
        var policy = new AddressPolicy(options, new OwnListeners(new HashSet<int> { 25, 587 }), TimeProvider.System);

        Assert.Equal("5.4.6", policy.Check(new IPEndPoint(IPAddress.Parse(address), 25))?.Status);
        Assert.Equal("5.4.6", policy.Check(new IPEndPoint(IPAddress.Parse(address), 587))?.Status);
        Assert.Null(policy.Check(new IPEndPoint(IPAddress.Parse(address), 2525)));
    }

    [Theory]
    [InlineData("true", true)]
    [InlineData("false", false)]
    public void The_door_for_what_comes_back_is_ours_where_it_stands_by_default(string enabled, bool isOurs)
    {
        var relay = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?> { ["Inbound:Enabled"] = enabled }).Build();

        Assert.Equal(isOurs, OwnListeners.From(relay).Ports.Contains(25));
    }

    [Theory]
    [InlineData("remote.test")]
    [InlineData("[127.0.0.1]")]
    public async Task An_MX_or_literal_that_leads_inside_bounces_without_a_connection(string domain)
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var dns = ScriptedDns.Start().Mx("remote.test", (10, "mx.test")).A("mx.test", "127.0.0.1").Aaaa("mx.test", "::ffff:10.0.0.1");
        await using var delivery = await DeliveryUnderTest.StartAsync(("Delivery:Port", remote.Port), ("Delivery:Dns:Servers:0", dns.Server));

        var bounced = (await delivery.SendAsync($"a@{domain}"))[0];

        Assert.Equal((MailEventType.Bounced, "route.internal-address"), (bounced.Type, bounced.Rule));
        Assert.Equal("5.4.4", delivery.Reports.Asked[0].Failures[0].Status);
        Assert.Empty(remote.Sessions);
    }

    [Fact]
    public async Task A_route_may_lead_inside()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        Assert.Equal(MailEventType.Delivered, (await delivery.SendAsync("a@remote.test"))[0].Type);
    }

    [Theory]
    [InlineData("Inbound:Port")]
    [InlineData("Submission:Listeners:0:Port")]
    public async Task Our_own_listeners_are_refused_even_where_private_hosts_are_not(string setting)
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var dns = ScriptedDns.Start().Mx("remote.test", (10, "mx.test")).A("mx.test", "127.0.0.1");
        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, remote.Port, (setting, remote.Port));

        Assert.Equal("route.own-address", (await delivery.SendAsync("a@remote.test"))[0].Rule);
        Assert.Equal("5.4.6", delivery.Reports.Asked[0].Failures[0].Status);
        Assert.Empty(remote.Sessions);
    }
}
