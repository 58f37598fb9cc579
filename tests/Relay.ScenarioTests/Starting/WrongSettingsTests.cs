using System.Net;
using System.Net.Sockets;
using Relay.ScenarioTests.Harness;

namespace Relay.ScenarioTests.Starting;

public sealed class WrongSettingsTests : IDisposable
{
    private const int ConfigurationExit = 78;
    private const int CannotOpenExit = 71;
    private readonly string _folder = Directory.CreateTempSubdirectory("relay-wrong-").FullName;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task An_unknown_setting_stops_the_start_with_its_full_name()
    {
        var ended = await ServeAsync("""{ "Relay": { "Submission": { "Listeners": [ { "Prot": 2525 } ] } } }""");

        Assert.Equal(ConfigurationExit, ended.ExitCode);
        Assert.StartsWith("relay: Relay:Submission:Listeners:0:Prot is not a setting; did you mean Port?", ended.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", ended.Errors + ended.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_wrong_value_in_the_environment_is_told_with_what_is_allowed()
    {
        var ended = await ServeAsync("{}", ("Relay__Http__Port", "eighty"));

        Assert.Equal(ConfigurationExit, ended.ExitCode);
        Assert.Equal("relay: Relay:Http:Port is 'eighty'; allowed: a number from 0 to 65535 (environment: Relay__Http__Port)\n", ended.Errors);
    }

    [Fact]
    public async Task A_crash_point_that_does_not_exist_stops_the_start_with_those_that_do()
    {
        var ended = await ServeAsync("{}", ("RELAY_CRASH_AT", "after-lunch"));

        Assert.Equal(ConfigurationExit, ended.ExitCode);
        Assert.StartsWith("relay: RELAY_CRASH_AT is 'after-lunch'; the points are body-stored, ", ended.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_malformed_file_is_told_with_its_line()
    {
        var ended = await ServeAsync("{\n \"Relay\": {\n  oops\n } }");

        Assert.Equal(ConfigurationExit, ended.ExitCode);
        Assert.Contains("relay.json, line 3: ", ended.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", ended.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_missing_file_is_told()
    {
        var ended = await ChildProcess.RunAsync(
            RelayUnderTest.Program, [.. RelayUnderTest.Arguments, "serve", "--config", Path.Combine(_folder, "none.json")], Cancellation, _folder);

        Assert.Equal(ConfigurationExit, ended.ExitCode);
        Assert.Equal($"relay: the configuration file {Path.Combine(_folder, "none.json")} does not exist\n", ended.Errors);
    }

    [Fact]
    public async Task A_certificate_without_its_key_is_told()
    {
        var ended = await ServeAsync("""{ "Relay": { "Http": { "Port": 0 }, "Submission": { "Listeners": [ { "Port": 0 } ] }, "Tls": { "Certificate": "x.pem" } } }""");

        Assert.Equal(ConfigurationExit, ended.ExitCode);
        Assert.Contains("Relay:Tls: Certificate and Key go together", ended.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task In_production_a_port_that_is_taken_stops_the_start_with_its_number()
    {
        using var taken = Listen();
        var port = ((IPEndPoint)taken.LocalEndPoint!).Port;

        var ended = await ServeAsync($$"""{ "Relay": { "Http": { "Port": 0 }, "Submission": { "Listeners": [ { "Port": {{port}} } ] } } }""");

        Assert.Equal(CannotOpenExit, ended.ExitCode);
        Assert.Contains($"port {port} on 127.0.0.1 is in use", ended.Errors, StringComparison.Ordinal);
        Assert.Contains("Relay:Submission:Listeners", ended.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task In_development_a_port_that_is_taken_is_left_out_with_a_warning()
    {
        using var taken = Listen();
        var port = ((IPEndPoint)taken.LocalEndPoint!).Port;
        var setup = new RelaySetup { Environment = "Development" }.With(
            "Submission:Listeners",
            new System.Text.Json.Nodes.JsonArray(
                new System.Text.Json.Nodes.JsonObject { ["Port"] = port },
                new System.Text.Json.Nodes.JsonObject { ["Port"] = 0, ["Tls"] = "None" }));

        await using var relay = await RelayUnderTest.StartAsync(Cancellation, setup);

        var ready = await relay.GetAsync("/health/ready", Cancellation);
        Assert.Equal(2, ready.GetProperty("listeners").GetArrayLength());
        Assert.Contains($"port {port} on 127.0.0.1 is in use", relay.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_asked_for_and_not_there_is_said_at_the_start()
    {
        var setup = new RelaySetup()
            .With("Roles", new System.Text.Json.Nodes.JsonArray("intake", "dashboard"))
            .With("Inbound:Enabled", true);

        await using var relay = await RelayUnderTest.StartAsync(Cancellation, setup);
        await relay.StopAsync(Cancellation);

        Assert.Contains("Relay:Roles names the dashboard", relay.Output, StringComparison.Ordinal);
        Assert.Contains("Relay:Inbound:Enabled is true", relay.Output, StringComparison.Ordinal);
        Assert.Contains("mail is accepted and waits", relay.Output, StringComparison.Ordinal);
    }

    private static Socket Listen()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        socket.Listen();
        return socket;
    }

    private async Task<Ended> ServeAsync(string json, params (string Name, string Value)[] environment)
    {
        var file = Path.Combine(_folder, "relay.json");
        await File.WriteAllTextAsync(file, json, Cancellation);
        return await ChildProcess.RunAsync(
            RelayUnderTest.Program,
            [.. RelayUnderTest.Arguments, "serve", "--config", file],
            Cancellation,
            _folder,
            environment.ToDictionary(e => e.Name, e => (string?)e.Value));
    }
}
