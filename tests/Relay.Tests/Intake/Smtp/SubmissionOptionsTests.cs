using System.Net;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Relay.Intake.Smtp;

namespace Relay.Tests.Intake.Smtp;

public sealed class SubmissionOptionsTests
{
    [Fact]
    public void Without_settings_the_door_stands_on_its_four_ports_of_this_machine() => Assert.Equal(
        [("127.0.0.1:587", ListenerTls.StartTls), ("127.0.0.1:465", ListenerTls.Implicit), ("127.0.0.1:2525", ListenerTls.StartTls), ("127.0.0.1:2526", ListenerTls.None)],
        EndPoints());

    [Fact]
    public void Listeners_that_are_named_are_the_only_ones() => Assert.Equal(
        [("127.0.0.1:1587", ListenerTls.StartTls)],
        EndPoints(("Listeners:0:Port", "1587")));

    [Fact]
    public void A_listener_in_clear_text_stays_on_this_machine_unless_it_says_otherwise() => Assert.Equal(
        [("127.0.0.1:1", ListenerTls.None), ("192.0.2.1:2", ListenerTls.None), ("0.0.0.0:3", ListenerTls.StartTls)],
        EndPoints(
            ("Address", "0.0.0.0"),
            ("Listeners:0:Port", "1"),
            ("Listeners:0:Tls", "None"),
            ("Listeners:1:Port", "2"),
            ("Listeners:1:Tls", "None"),
            ("Listeners:1:Address", "192.0.2.1"),
            ("Listeners:2:Port", "3")));

    [Theory]
    [InlineData("Address", "somewhere", "Address")]
    [InlineData("Listeners:0:Port", "70000", "Port")]
    [InlineData("Listeners:0:Address", "somewhere", "Address")]
    [InlineData("MaxRecipients", "0", "MaxRecipients")]
    [InlineData("MaxRecipients", "65536", "MaxRecipients")]
    [InlineData("MaxMessageBytes", "-1", "MaxMessageBytes")]
    [InlineData("IdleTimeout", "00:00:00", "IdleTimeout")]
    [InlineData("RepeatsWithin", "00:00:00.0005", "RepeatsWithin")]
    public void A_wrong_setting_is_named(string setting, string value, string name) =>
        Assert.Contains(name, Assert.Throws<OptionsValidationException>(() => EndPoints((setting, value))).Message, StringComparison.Ordinal);

    private static IEnumerable<(string, ListenerTls)> EndPoints(params (string Name, string Value)[] settings)
    {
        var relay = new ConfigurationBuilder()
            .AddInMemoryCollection(settings.Select(s => KeyValuePair.Create($"Submission:{s.Name}", (string?)s.Value)))
            .Build();
        var services = new ServiceCollection().AddSmtpDoors(relay).BuildServiceProvider();
        return SubmissionListeners.EndPointsOf(services.GetRequiredService<IOptions<SubmissionOptions>>().Value)
            .Select(e => (e.Address.ToString(), e.Tls));
    }
}
