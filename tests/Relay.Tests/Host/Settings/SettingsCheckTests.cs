using System.ComponentModel.DataAnnotations;
using System.Text;
using Microsoft.Extensions.Configuration;
using Relay.Host.Settings;

namespace Relay.Tests.Host.Settings;

public sealed class SettingsCheckTests
{
    [Fact]
    public void Settings_that_are_known_and_fit_are_no_problem() =>
        Assert.Empty(Problems("""
            { "Name": "a", "Http": { "Port": 8080 }, "Mode": "fast", "Wait": "00:00:30", "On": true,
              "Doors": [ { "Port": 25, "Tls": "None" }, { "Port": 465 } ], "Words": ["a", "b"],
              "Tags": { "any": "thing" }, "Collector": "http://127.0.0.1:4317" }
            """));

    [Fact]
    public void Names_are_told_apart_without_regard_to_case() => Assert.Empty(Problems("""{ "http": { "PORT": 1 } }"""));

    [Fact]
    public void A_null_and_an_empty_list_ask_for_the_default() =>
        Assert.Empty(Problems("""{ "Name": null, "Http": null, "Doors": [], "Wait": null, "Limit": null }"""));

    [Theory]
    [InlineData("""{ "Nmae": "x" }""", "Relay:Nmae is not a setting; did you mean Name?")]
    [InlineData("""{ "Doors": [ { "Prot": 25 } ] }""", "Relay:Doors:0:Prot is not a setting; did you mean Port?")]
    [InlineData("""{ "Http": { "Colour": "red" } }""", "Relay:Http:Colour is not a setting; what may stand here: Port")]
    [InlineData("""{ "Http": 8080 }""", "Relay:Http is a group of settings (Port), not one value")]
    [InlineData("""{ "Name": { "First": "x" } }""", "Relay:Name is one value (a text that is not empty), not a group of settings")]
    [InlineData("""{ "Http": { "Port": "abc" } }""", "Relay:Http:Port is 'abc'; allowed: a number from 1 to 65535")]
    [InlineData("""{ "Http": { "Port": 65536 } }""", "Relay:Http:Port is '65536'; allowed: a number from 1 to 65535")]
    [InlineData("""{ "Http": { "Port": 1.5 } }""", "Relay:Http:Port is '1.5'; allowed: a number from 1 to 65535")]
    [InlineData("""{ "Doors": [ { "Tls": "Always" } ] }""", "Relay:Doors:0:Tls is 'Always'; allowed: Fast, Slow, None")]
    [InlineData("""{ "Doors": [ { "Tls": "7" } ] }""", "Relay:Doors:0:Tls is '7'; allowed: Fast, Slow, None")]
    [InlineData("""{ "On": "maybe" }""", "Relay:On is 'maybe'; allowed: true, false")]
    [InlineData("""{ "Wait": 30 }""", "Relay:Wait is '30'; allowed: a time as hh:mm:ss or d.hh:mm:ss")]
    [InlineData("""{ "Doors": { "First": { "Port": 25 } } }""", "Relay:Doors:First stands where a list is expected, [ ... ]")]
    [InlineData("""{ "Words": "a" }""", "Relay:Words is a list, [ ... ]")]
    public void What_is_unknown_or_wrong_is_named_in_full(string json, string problem) =>
        Assert.Equal([problem], Problems(json));

    [Fact]
    public void A_text_that_is_wrong_is_not_repeated_for_it_may_be_a_secret()
    {
        var problem = Assert.Single(Problems("""{ "Name": "" }"""));
        Assert.Equal("Relay:Name has a value that may not be; allowed: a text that is not empty", problem);
    }

    [Fact]
    public void Every_problem_is_told_at_once() =>
        Assert.Equal(2, Problems("""{ "On": "maybe", "Http": { "Port": 0 } }""").Length);

    private static string[] Problems(string json)
    {
        using var stream = new MemoryStream(Encoding.UTF8.GetBytes($$"""{ "Relay": {{json}} }"""));
        var configuration = new ConfigurationBuilder().AddJsonStream(stream).Build();
        var tree = Setting.Tree([("", typeof(Root)), ("Http", typeof(Http))]);
        return [.. new SettingsCheck(tree).Problems(configuration.GetSection("Relay")).Select(p => $"{p.Path} {p.Text}")];
    }

    private sealed class Root
    {
        [Required]
        public string Name { get; set; } = "x";

        public Mode Mode { get; set; }

        public TimeSpan Wait { get; set; }

        public bool On { get; set; }

        public int? Limit { get; set; }

        public List<Door> Doors { get; set; } = [];

        public List<string> Words { get; set; } = [];

        public Dictionary<string, string> Tags { get; set; } = [];

        public Uri? Collector { get; set; }
    }

    private sealed class Http
    {
        [Range(1, 65_535)]
        public int Port { get; set; }
    }

    private sealed class Door
    {
        [Range(1, 65_535)]
        public int Port { get; set; }

        public Mode Tls { get; set; }
    }

    private enum Mode
    {
        Fast,
        Slow,
        None,
    }
}
