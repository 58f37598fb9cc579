using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using Xunit;

namespace Relay.TestKit.Relays;

/// <summary>
/// The real relay as a process of its own: a settings file and a data directory in a temporary folder, free ports, the
/// embedded store unless told otherwise. It can be stopped, killed and started again on what it kept.
/// </summary>
internal sealed class RelayUnderTest : IAsyncDisposable
{
    // No test may hang.
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(60);

    private readonly string _settingsFile;
    private readonly string _environment;
    private readonly int? _mostFiles;
    private readonly Dictionary<string, string?> _variables;
    private ChildProcess? _process;

    private RelayUnderTest(RelaySetup setup)
    {
        (_environment, _mostFiles) = (setup.Environment, setup.MostFiles);
        Folder = Directory.CreateTempSubdirectory("relay-scenario-").FullName;

        // What it puts aside goes with the rest, though it be killed.
        _variables = new(setup.Variables) { ["TMPDIR"] = Folder };
        DataDirectory = Path.Combine(Folder, "data");
        AdminKey = setup.AdminKey;
        _settingsFile = Path.Combine(Folder, "relay.json");
        File.WriteAllText(_settingsFile, Settings(setup).ToJsonString(new JsonSerializerOptions { WriteIndented = true }));
        Http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{HttpPort}"), Timeout = TimeSpan.FromSeconds(60) };
        Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", AdminKey);
    }

    public string Folder { get; }

    public string DataDirectory { get; }

    /// <summary>At which the running process has its embedded store: the newest, for one that was killed leaves its own behind.</summary>
    public string StoreSocket => Path.Combine(
        new DirectoryInfo(Folder).GetDirectories("relay-*").Where(d => File.Exists(Path.Combine(d.FullName, "store"))).MaxBy(d => d.CreationTimeUtc)?.FullName
            ?? throw new InvalidOperationException($"there is no embedded store in {Folder}"),
        "store");

    public string? AdminKey { get; }

    /// <summary>Logs in with the admin key, where there is one.</summary>
    public HttpClient Http { get; }

    public int HttpPort { get; } = FreePorts.Next();

    public int PlainPort { get; } = FreePorts.Next();

    public int StartTlsPort { get; } = FreePorts.Next();

    public int ImplicitTlsPort { get; } = FreePorts.Next();

    /// <summary>What the running process has said; empty lines and the log included.</summary>
    public string Output => _process?.Output ?? "";

    public string Errors => _process?.Errors ?? "";

    public bool IsRunning => _process is { HasExited: false };

    /// <summary>Environment variables of the next start.</summary>
    public IDictionary<string, string?> Variables => _variables;

    public int ProcessId => _process?.Id ?? throw new InvalidOperationException("the relay is not running");

    /// <summary>Starts a relay and waits until it is ready.</summary>
    public static async Task<RelayUnderTest> StartAsync(CancellationToken cancellation, RelaySetup? setup = null)
    {
        var relay = new RelayUnderTest(setup ?? new RelaySetup());
        try
        {
            await relay.StartAgainAsync(cancellation);
            return relay;
        }
        catch
        {
            await relay.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts the process again on its ports and its data, and waits until it is ready.</summary>
    public async Task StartAgainAsync(CancellationToken cancellation)
    {
        _process = Launch();
        await WaitUntilReadyAsync(cancellation);
    }

    /// <summary>Waits until it says that it is ready.</summary>
    public Task WaitUntilReadyAsync(CancellationToken cancellation)
    {
        var process = _process!;
        return Poll.UntilAsync(
            async () =>
            {
                Assert.False(process.HasExited, $"the relay ended while it started:\n{process.Output}\n{process.Errors}");
                using var response = await Http.GetAsync("/health/ready", cancellation);
                return response.IsSuccessStatusCode;
            },
            cancellation,
            () => $"the relay did not become ready:\n{process.Output}\n{process.Errors}");
    }

    /// <summary>Starts the process only.</summary>
    public ChildProcess Launch() => _mostFiles is { } most
        ? ChildProcess.Start("prlimit", [$"--nofile={most}", Program, .. Arguments, "serve", "--config", _settingsFile], Folder, Environment)
        : ChildProcess.Start(Program, [.. Arguments, "serve", "--config", _settingsFile], Folder, Environment);

    /// <summary>SIGTERM; the exit code once it has ended.</summary>
    public async Task<int> StopAsync(CancellationToken cancellation)
    {
        Terminate();
        return await WaitForExitAsync(cancellation);
    }

    public void Terminate() => _process!.Terminate();

    /// <summary>SIGSTOP: connections stay open, nothing is answered.</summary>
    public void Pause() => _process!.Pause();

    /// <summary>SIGCONT.</summary>
    public void Continue() => _process!.Continue();

    /// <summary>Waits until the HTTP door takes no connection any more: the stop has begun.</summary>
    public async Task WaitUntilClosedAsync(CancellationToken cancellation)
    {
        await Poll.UntilAsync(
            async () =>
            {
                try
                {
                    using var socket = new System.Net.Sockets.TcpClient();
                    await socket.ConnectAsync(IPAddress.Loopback, HttpPort, cancellation);
                    return false;
                }
                catch (System.Net.Sockets.SocketException)
                {
                    return true;
                }
            },
            cancellation,
            () => Output);
    }

    public Task<int> WaitForExitAsync(CancellationToken cancellation) => _process!.WaitAsync(StopTimeout, cancellation);

    /// <summary>kill -9.</summary>
    public Task KillAsync() => _process!.KillAsync();

    /// <summary>Runs the command line of the relay against this one.</summary>
    public Task<Ended> CommandAsync(CancellationToken cancellation, string? input, params string[] arguments) =>
        CommandAsAsync(AdminKey, cancellation, input, arguments);

    /// <summary>Runs it with this key.</summary>
    public Task<Ended> CommandAsAsync(string? key, CancellationToken cancellation, string? input, params string[] arguments) =>
        ChildProcess.RunAsync(
            Program,
            [.. Arguments, .. arguments],
            cancellation,
            Folder,
            new Dictionary<string, string?> { ["RELAY_URL"] = $"http://127.0.0.1:{HttpPort}", ["RELAY_KEY"] = key },
            input);

    /// <summary>Sends by HTTP; the answer to the 202.</summary>
    public async Task<JsonElement> SendAsync(object mail, CancellationToken cancellation, string? key = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/send") { Content = JsonContent.Create(mail) };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key ?? AdminKey);
        using var response = await Http.SendAsync(request, cancellation);
        var body = await response.Content.ReadAsStringAsync(cancellation);
        Assert.True(response.StatusCode == HttpStatusCode.Accepted, $"{response.StatusCode}: {body}");
        return JsonElement.Parse(body);
    }

    /// <summary>A new key of the account; <paramref name="mode"/> is live or test.</summary>
    public async Task<string> CreateKeyAsync(string mode, CancellationToken cancellation)
    {
        using var response = await Http.PostAsJsonAsync("/keys", new { name = "scenario", mode }, cancellation);
        var body = await response.Content.ReadAsStringAsync(cancellation);
        Assert.True(response.StatusCode == HttpStatusCode.Created, $"{response.StatusCode}: {body}");
        return JsonElement.Parse(body).GetProperty("key").GetString()!;
    }

    /// <summary>Posts and gives the answer, whose status is one of success.</summary>
    public async Task<JsonElement> PostAsync(string path, object body, CancellationToken cancellation, string? key = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = JsonContent.Create(body) };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key ?? AdminKey);
        using var response = await Http.SendAsync(request, cancellation);
        var answer = await response.Content.ReadAsStringAsync(cancellation);
        Assert.True(response.IsSuccessStatusCode, $"{path}: {response.StatusCode}: {answer}");
        return JsonElement.Parse(answer);
    }

    public async Task<JsonElement> GetAsync(string path, CancellationToken cancellation, string? key = null)
    {
        var (status, body) = await AskAsync(path, cancellation, key);
        return Read(path, status, body);
    }

    /// <summary>
    /// Asks again and again until an answer fits; what happens behind a 202 has no signal outside. A relay that starts or
    /// ends, and one that says to come back (503), have not answered yet.
    /// </summary>
    public async Task<JsonElement> WaitForAsync(string path, Func<JsonElement, bool> fits, CancellationToken cancellation, string? key = null)
    {
        string? last = null;
        JsonElement answer = default;
        await Poll.UntilAsync(
            async () =>
            {
                var (status, body) = await AskAsync(path, cancellation, key);
                last = $"{status}: {body}";
                return status != HttpStatusCode.ServiceUnavailable && fits(answer = Read(path, status, body));
            },
            cancellation,
            () => $"{path} never came to what was waited for; last: {last}\n{Output}");
        return answer;
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        if (_process is not null)
        {
            await _process.DisposeAsync();
        }

        Directory.Delete(Folder, recursive: true);
    }

    /// <summary>The program, as a test that starts it in its own way needs it.</summary>
    public static string Program => System.Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";

    public static string[] Arguments => [Path.Combine(AppContext.BaseDirectory, "relay.dll")];

    private Dictionary<string, string?> Environment => new(_variables) { ["DOTNET_ENVIRONMENT"] = _environment, ["ASPNETCORE_ENVIRONMENT"] = null };

    private async Task<(HttpStatusCode Status, string Body)> AskAsync(string path, CancellationToken cancellation, string? key)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key ?? AdminKey);
        using var response = await Http.SendAsync(request, cancellation);
        return (response.StatusCode, await response.Content.ReadAsStringAsync(cancellation));
    }

    private static JsonElement Read(string path, HttpStatusCode status, string body)
    {
        Assert.True((int)status is >= 200 and < 300, $"{path}: {status}: {body}");
        return JsonElement.Parse(body);
    }

    private JsonObject Settings(RelaySetup setup)
    {
        var relay = new JsonObject
        {
            ["HostName"] = "relay.test",
            ["DataDirectory"] = DataDirectory,
            ["Http"] = new JsonObject { ["Port"] = HttpPort },
            ["Submission"] = new JsonObject
            {
                ["Listeners"] = new JsonArray(
                    new JsonObject { ["Port"] = PlainPort, ["Tls"] = "None" },
                    new JsonObject { ["Port"] = StartTlsPort, ["Tls"] = "StartTls" },
                    new JsonObject { ["Port"] = ImplicitTlsPort, ["Tls"] = "Implicit" }),
            },
            ["Bootstrap"] = new JsonObject { ["AdminKey"] = AdminKey, ["RequireVerifiedDomains"] = false },
        };
        foreach (var (path, value) in setup.Settings)
        {
            Set(relay, path.Split(':'), value?.DeepClone());
        }

        return new JsonObject { ["Relay"] = relay };
    }

    private static void Set(JsonObject section, ReadOnlySpan<string> path, JsonNode? value)
    {
        if (path.Length == 1)
        {
            section[path[0]] = value;
            return;
        }

        if (section[path[0]] is not JsonObject inner)
        {
            section[path[0]] = inner = [];
        }

        Set(inner, path[1..], value);
    }
}

/// <summary>How a <see cref="RelayUnderTest"/> differs from the usual.</summary>
internal sealed record RelaySetup
{
    // Any secret will do; the relay keeps none of its own here.
    public string? AdminKey { get; init; } = "rk_live_scenario_admin_key_0123456789abcdef";

    public string Environment { get; init; } = "Production";

    /// <summary>Environment variables.</summary>
    public Dictionary<string, string?> Variables { get; init; } = [];

    /// <summary>So many files may the process have open; null as many as the test itself.</summary>
    public int? MostFiles { get; init; }

    /// <summary>Settings under <c>Relay</c> by their path.</summary>
    public Dictionary<string, JsonNode?> Settings { get; init; } = [];

    /// <summary>Sends everything to one host.</summary>
    public RelaySetup WithRoute(int port, string domain = "*", string tls = "None")
    {
        var routes = Settings.TryGetValue("Delivery:Routes", out var known) ? (JsonArray)known!.DeepClone() : [];
        routes.Add(new JsonObject { ["Domain"] = domain, ["Host"] = "127.0.0.1", ["Port"] = port, ["Tls"] = tls });
        return With("Delivery:Routes", routes);
    }

    public RelaySetup With(string path, JsonNode? value) => this with { Settings = new(Settings) { [path] = value } };
}
