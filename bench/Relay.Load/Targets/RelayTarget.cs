using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using Relay.Load.Machine;
using Relay.Load.Traffic;

namespace Relay.Load.Targets;

/// <summary>The relay as it is shipped, with one route to the sink.</summary>
internal sealed class RelayTarget : ITarget
{
    private const string Key = "load-0123456789abcdef0123456789abcdef01234567";
    private const string AllocatedMetric = "dotnet_gc_heap_total_allocated_bytes_total";

    private const string Suspensions = "/queue/suspensions";

    // Seconds. A million messages of 10 KiB are written anew in less than a minute.
    private const int MostRewriting = 120;

    private static readonly TimeSpan StartTime = TimeSpan.FromSeconds(60);

    /// <summary>The account that its key belongs to.</summary>
    public const string Account = "default";

    private readonly HttpClient _http;
    private readonly Func<ChildProcess> _start;
    private readonly RedisServer? _redis;
    private readonly SenderZone? _zone;
    private ChildProcess _process;
    private bool _isStopped;

    private RelayTarget(Func<ChildProcess> start, RedisServer? redis, SenderZone? zone, string folder, Door door, Uri http)
    {
        (_start, _redis, _zone, Folder, Door) = (start, redis, zone, folder, door);
        _http = new() { BaseAddress = http, Timeout = TimeSpan.FromSeconds(60) };
        _http.DefaultRequestHeaders.Authorization = new("Bearer", Key);
        _process = start();
    }

    public Door Door { get; }

    public int? RedisPort => _redis?.Port;

    public int Process => _process.Id;

    public int? StoreProcess => _redis?.Process;

    /// <summary>Where its data stands.</summary>
    public string Folder { get; }

    /// <summary>Octets of memory that its process has in use now.</summary>
    public long Resident => ProcessCost.ResidentOf(_process.Id);

    public static async Task<RelayTarget> StartAsync(
        Workspace workspace, string name, RelaySetup setup, IPEndPoint sink, CancellationToken cancellation)
    {
        var redis = setup.RedisFsync is { } fsync
            ? await RedisServer.StartAsync(workspace, $"{name}-redis", fsync, setup.RedisSettings, cancellation)
            : null;
        var zone = setup.Verified ? new SenderZone() : null;
        RelayTarget? target = null;
        try
        {
            var (smtp, http) = (Workspace.FreePort(), Workspace.FreePort());
            var config = workspace.File($"{name}.json");
            var folder = workspace.Folder(name);
            var settings = Settings(folder, redis?.Port, smtp, http, setup, zone, sink);
            await File.WriteAllTextAsync(config, settings.ToJsonString(), cancellation);

            var door = new Door(new(IPAddress.Loopback, setup.Http ? http : smtp)) { Http = setup.Http, Tls = setup.Tls, Key = Key };
            var log = workspace.File($"{name}.log");
            target = new(
                () => ChildProcess.Start(log, "env", [.. PerfMap(setup), "dotnet", setup.Program, "serve", "--config", config]),
                redis, zone, folder, door, new($"http://127.0.0.1:{http}"));
            await target._process.UntilAsync(target.IsReadyAsync, StartTime, cancellation);
            if (setup.Dkim || setup.Verified)
            {
                await target.AddDomainAsync(cancellation);
            }

            await target.ImportAsync(new SuppressionFile(setup.Suppressed), cancellation);

            return target;
        }
        catch
        {
            await (target?.DisposeAsync() ?? redis?.DisposeAsync() ?? ValueTask.CompletedTask);
            await (target is null && zone is not null ? zone.DisposeAsync() : ValueTask.CompletedTask);
            throw;
        }
    }

    /// <summary>Stops it in order and starts it on what it has. Returns the time from its start to its readiness.</summary>
    public async Task<TimeSpan> RestartAsync(CancellationToken cancellation)
    {
        await _process.DisposeAsync();
        var begun = Stopwatch.StartNew();
        _process = _start();
        await _process.UntilAsync(IsReadyAsync, StartTime, cancellation);
        return begun.Elapsed;
    }

    /// <summary>Stops it in order; what it keeps its mail in stays.</summary>
    public ValueTask StopAsync()
    {
        _isStopped = true;
        return _process.DisposeAsync();
    }

    /// <summary>Keeps all bulk mail waiting; returns what ends it.</summary>
    public async Task<string> SuspendBulkAsync(CancellationToken cancellation)
    {
        using var answer = await _http.PostAsync(
            Suspensions, JsonContent.Create(new JsonObject { ["class"] = "bulk", ["reason"] = "it is being queued" }), cancellation);
        answer.EnsureSuccessStatusCode();
        return JsonElement.Parse(await answer.Content.ReadAsByteArrayAsync(cancellation)).GetProperty("id").GetString()!;
    }

    public async Task ResumeAsync(string suspension, CancellationToken cancellation)
    {
        using var answer = await _http.DeleteAsync($"{Suspensions}/{suspension}", cancellation);
        answer.EnsureSuccessStatusCode();
    }

    /// <summary>Leaves it alone for so long, and until its store has written its log anew: that is the cost of what was queued, and not of the mail behind it.</summary>
    public async Task RestAsync(TimeSpan rest, CancellationToken cancellation)
    {
        await Task.Delay(rest, cancellation);
        for (var seconds = 0; seconds < MostRewriting && (await ReadUsageAsync(cancellation)).Store is { IsRewriting: true }; seconds++)
        {
            await Task.Delay(TimeSpan.FromSeconds(1), cancellation);
        }
    }

    public Task<ImportedLines> ImportAsync(SuppressionFile file, CancellationToken cancellation, Action<int>? progress = null) =>
        file.ImportAsync(_http, cancellation, progress);

    public async Task<Usage> ReadUsageAsync(CancellationToken cancellation)
    {
        var parts = new Dictionary<string, ProcessCost> { ["relay"] = ProcessCost.Of(_process.Id) };
        if (_redis is not null)
        {
            parts["redis"] = _redis.Cost;
        }

        return new(parts, await ReadAllocatedAsync(cancellation), _redis is null ? null : await _redis.ReadWorkAsync(cancellation));
    }

    private static JsonObject Settings(string data, int? redis, int smtp, int http, RelaySetup setup, SenderZone? zone, IPEndPoint sink) => new()
    {
        ["Relay"] = new JsonObject
        {
            ["HostName"] = "relay.load.test",
            ["DataDirectory"] = data,
            ["Redis"] = redis is null ? null : $"127.0.0.1:{redis}",
            ["Http"] = new JsonObject { ["Address"] = "127.0.0.1", ["Port"] = http },
            ["Submission"] = new JsonObject
            {
                ["Address"] = "127.0.0.1",
                ["Listeners"] = new JsonArray(new JsonObject { ["Port"] = smtp, ["Tls"] = setup.Tls.ToString() }),
            },
            ["Bootstrap"] = new JsonObject { ["AdminKey"] = Key, ["RequireVerifiedDomains"] = setup.Verified },
            ["Delivery"] = new JsonObject
            {
                ["ConnectionsPerSite"] = setup.Connections ?? 10,
                ["Dns"] = new JsonObject { ["Servers"] = (zone?.Server ?? setup.Destinations?.Server) is { } server ? new JsonArray(server) : new JsonArray() },

                // Where nobody answers at a port, address literals are hosts that do not.
                ["Port"] = setup.Destinations?.Port ?? setup.DeadPort ?? 25,
                ["AllowPrivateDestinations"] = setup.DeadPort is not null,
                ["Routes"] = setup.DeadPort is { } dead
                    ? new JsonArray(Route("*.load.test", sink), Route("*." + RelaySetup.DeadZone, new(IPAddress.Loopback, dead)))
                    : new JsonArray(Route("*", sink, setup.SinkTls ? "Opportunistic" : "None")),
            },
        },
    };

    // 3: names only, none of what another tool wants. Code that is mapped twice, once to be written, has no names for perf.
    private static string[] PerfMap(RelaySetup setup) => setup.NamesItsCode ? ["DOTNET_PerfMapEnabled=3", "DOTNET_EnableWriteXorExecute=0"] : [];

    private static JsonObject Route(string domain, IPEndPoint to, string tls = "None") => new()
    {
        ["Domain"] = domain,
        ["Host"] = to.Address.ToString(),
        ["Port"] = to.Port,
        ["Tls"] = tls,
    };

    private async Task<bool> IsReadyAsync(CancellationToken cancellation)
    {
        try
        {
            using var answer = await _http.GetAsync("/health/ready", cancellation);
            return answer.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    // As long as no key was seen in the DNS all of them sign.
    private async Task AddDomainAsync(CancellationToken cancellation)
    {
        using var added = await _http.PostAsync("/domains", JsonContent.Create(new JsonObject { ["name"] = LoadMessage.SenderDomain }), cancellation);
        added.EnsureSuccessStatusCode();
        if (_zone is null)
        {
            return;
        }

        _zone.Publish(JsonElement.Parse(await added.Content.ReadAsByteArrayAsync(cancellation)));
        using var verified = await _http.PostAsync($"/domains/{LoadMessage.SenderDomain}/verify", null, cancellation);
        verified.EnsureSuccessStatusCode();
        if (JsonElement.Parse(await verified.Content.ReadAsByteArrayAsync(cancellation)).GetProperty("status").GetString() != "verified")
        {
            throw new InvalidOperationException($"{LoadMessage.SenderDomain} was not verified: {await verified.Content.ReadAsStringAsync(cancellation)}");
        }
    }

    private async Task<long?> ReadAllocatedAsync(CancellationToken cancellation)
    {
        try
        {
            var metrics = await _http.GetStringAsync("/metrics", cancellation);
            var line = metrics.Split('\n').FirstOrDefault(line => line.StartsWith(AllocatedMetric, StringComparison.Ordinal));
            return line is null ? null : (long)double.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture);
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        if (!_isStopped)
        {
            await _process.DisposeAsync();
        }
        if (_redis is not null)
        {
            await _redis.DisposeAsync();
        }

        if (_zone is not null)
        {
            await _zone.DisposeAsync();
        }
    }
}
