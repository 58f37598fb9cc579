using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Relay.Host.Settings;

namespace Relay.Tests.Host.Settings;

public sealed class RelaySettingsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("relay-settings-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_file_may_hold_comments_and_trailing_commas()
    {
        var relay = Load("""
            // our relay
            { "Relay": { "Http": { "Port": 9090, /* not 8080 */ }, } }
            """);

        Assert.Equal("9090", relay["Http:Port"]);
    }

    [Fact]
    public void A_missing_file_is_told_with_its_full_path()
    {
        var missing = Path.Combine(_folder, "none.json");

        var e = Assert.Throws<SettingsException>(() => RelaySettings.Load(new ConfigurationManager(), missing, Environments.Production));

        Assert.Equal($"the configuration file {missing} does not exist", e.Message);
    }

    [Fact]
    public void A_malformed_file_is_told_with_its_line()
    {
        var e = Assert.Throws<SettingsException>(() => Load("{\n  \"Relay\": {\n    \"Http\" { }\n  }\n}"));

        Assert.Contains("relay.json, line 3: ", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_setting_twice_in_a_file_is_told()
    {
        var e = Assert.Throws<SettingsException>(() => Load("""{ "Relay": { "HostName": "a", "HostName": "b" } }"""));

        Assert.Contains("Relay:HostName", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Settings_outside_of_the_section_are_told()
    {
        var e = Assert.Throws<SettingsException>(() => Load("""{ "Http": { "Port": 1 } }"""));

        Assert.Contains("Http is not a section", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_wrong_setting_is_told_with_the_file_it_stands_in()
    {
        var e = Assert.Throws<SettingsException>(() => Load("""{ "Relay": { "Http": { "Prot": 1 } } }"""));

        Assert.Equal($"Relay:Http:Prot is not a setting; did you mean Port? (in {Path.Combine(_folder, "relay.json")})", e.Message);
    }

    [Theory]
    [InlineData("Development", "false")]
    [InlineData("Production", null)]
    public void Only_in_development_are_verified_domains_not_required(string environment, string? required)
    {
        var relay = RelaySettings.Load(new ConfigurationManager(), null, environment);

        Assert.Equal(required, relay["Bootstrap:RequireVerifiedDomains"]);
    }

    [Fact]
    public void Everything_the_design_names_is_known() => Load("""
        { "Relay": {
          "HostName": "mx.example.com", "DataDirectory": "data", "Redis": null,
          "Roles": ["intake", "delivery", "feedback", "dashboard"],
          "Http": { "Address": "127.0.0.1", "Port": 8080 },
          "Submission": {
            "Address": "127.0.0.1",
            "Listeners": [ { "Port": 587, "Tls": "StartTls" }, { "Port": 465, "Tls": "Implicit" },
                           { "Port": 2525, "Tls": "StartTls" }, { "Port": 2526, "Tls": "None", "Address": "127.0.0.2" } ],
            "MaxMessageBytes": 41943040, "MaxRecipients": 1000 },
          "Inbound": { "Address": "127.0.0.1", "Port": 25, "Enabled": false },
          "Tls": { "Certificate": null, "Key": null },
          "Bootstrap": { "AdminKey": null, "RequireVerifiedDomains": true },
          "Delivery": {
            "Port": 25, "SourceAddresses": [],
            "Dns": { "Servers": [] },
            "Routes": [ { "Domain": "*", "Host": "127.0.0.1", "Port": 2600, "Tls": "None" } ],
            "AllowPrivateDestinations": false,
            "Retry": { "Schedule": ["00:00:30", "00:01:00"], "Expiry": "4.00:00:00" } },
          "Durability": { "Required": "CrashSafe" },
          "Telemetry": { "Otlp": null, "Prometheus": true } } }
        """);

    private IConfigurationSection Load(string json)
    {
        var file = Path.Combine(_folder, "relay.json");
        File.WriteAllText(file, json);
        return RelaySettings.Load(new ConfigurationManager(), file, Environments.Production);
    }
}
