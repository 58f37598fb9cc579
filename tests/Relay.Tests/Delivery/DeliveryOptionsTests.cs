using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Relay.Delivery;

namespace Relay.Tests.Delivery;

public sealed class DeliveryOptionsTests
{
    [Theory]
    [InlineData("Port", "0", "Port")]
    [InlineData("SourceAddresses:0", "here", "Relay:Delivery:SourceAddresses:0")]
    [InlineData("Pools:0:Addresses:0:Address", "here", "Relay:Delivery:Pools:0:Addresses:0:Address")]
    [InlineData("Pools:0:Addresses:0:HostName", "no host", "Relay:Delivery:Pools:0:Addresses:0:HostName")]
    [InlineData("Dns:Servers:0", "dns.test", "Relay:Delivery:Dns:Servers:0")]
    [InlineData("Retry:Schedule:0", "00:00:00", "Relay:Delivery:Retry:Schedule:0")]
    [InlineData("Retry:Expiry", "00:00:00", "Retry.Expiry")]
    [InlineData("Routes:0:Domain", "not a domain", "Relay:Delivery:Routes:0:Domain")]
    [InlineData("Routes:0:Host", "not a host", "Relay:Delivery:Routes:0:Host")]
    [InlineData("Routes:0:Port", "70000", "Port")]
    [InlineData("Routes:0:Username", "me", "Relay:Delivery:Routes:0")]
    [InlineData("ConnectionsPerSite", "0", "ConnectionsPerSite")]
    [InlineData("Timeouts:EndOfData", "00:00:00", "EndOfData")]
    public void A_wrong_setting_is_refused_by_its_name(string setting, string value, string name)
    {
        var failure = Assert.Throws<OptionsValidationException>(() => Read(
            ("Routes:0:Domain", "*"), ("Routes:0:Host", "smart.test"), (setting, value)));

        Assert.Contains(name, failure.Message);
    }

    [Fact]
    public void The_settings_are_read_as_the_design_names_them()
    {
        var options = Read(
            ("Port", "2525"), ("SourceAddresses:0", "192.0.2.1"), ("Dns:Servers:0", "127.0.0.1:5353"), ("Dns:Servers:1", "[::1]:53"),
            ("Routes:0:Domain", "*"), ("Routes:0:Host", "127.0.0.1"), ("Routes:0:Port", "2600"), ("Routes:0:Tls", "None"),
            ("AllowPrivateDestinations", "true"), ("Retry:Schedule:0", "00:00:30"), ("Retry:Schedule:1", "00:01:00"), ("Retry:Expiry", "4.00:00:00"));

        Assert.Equal((2525, true, TimeSpan.FromDays(4)), (options.Port, options.AllowPrivateDestinations, options.Retry.Expiry));
        Assert.Equal([TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(1)], options.Retry.Schedule);
        Assert.Equal(["127.0.0.1:5353", "[::1]:53"], options.Dns.Servers);
    }

    [Fact]
    public void Nothing_needs_to_be_set()
    {
        Assert.Equal(25, Read().Port);
    }

    private static DeliveryOptions Read(params (string Setting, string Value)[] settings)
    {
        // Later ones win, as they do from file to environment.
        var values = settings.GroupBy(s => s.Setting).Select(g => KeyValuePair.Create($"Relay:Delivery:{g.Key}", (string?)g.Last().Value));
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(values).Build();
        using var services = new ServiceCollection().AddRelayDelivery(configuration.GetSection("Relay")).BuildServiceProvider();
        return services.GetRequiredService<IOptions<DeliveryOptions>>().Value;
    }
}
