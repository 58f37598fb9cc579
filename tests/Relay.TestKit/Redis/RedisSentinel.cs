using System.Diagnostics;
using System.Globalization;
using Relay.TestKit.Relays;

namespace Relay.TestKit.Redis;

/// <summary>
/// One primary, its replicas, and three sentinels that watch it, on loopback. A primary that is killed is replaced within
/// a few seconds. A sentinel is redis-server itself in another mode, so nothing else need be installed.
/// </summary>
public sealed class RedisSentinel : IAsyncDisposable
{
    /// <summary>What the sentinels call the primary.</summary>
    public const string ServiceName = "relay";

    private const int Sentinels = 3;
    private static readonly TimeSpan Forming = TimeSpan.FromSeconds(60);

    // How long it takes until a primary that is silent counts as gone: short while one is to be replaced, and else longer than a
    // machine under load halts.
    private static readonly TimeSpan Gone = TimeSpan.FromSeconds(2.5);
    private static readonly TimeSpan Silent = TimeSpan.FromSeconds(60);

    private readonly List<RedisServer> _servers = [];
    private readonly List<(Process Process, int Port, int? TlsPort)> _sentinels = [];
    private readonly string _folder = Directory.CreateTempSubdirectory("relay-sentinel-").FullName;

    private readonly RedisTls? _tls;

    private RedisSentinel(RedisTls? tls) => _tls = tls;

    /// <summary>What goes into <c>Relay:Redis</c>.</summary>
    public string ConnectionString =>
        string.Join(',', _sentinels.Select(s => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{s.Port}"))) + $",serviceName={ServiceName}";

    /// <summary>The same by TLS.</summary>
    public string TlsConnectionString => string.Join(',', _sentinels.Select(s => $"127.0.0.1:{Text(s.TlsPort!.Value)}")) + $",serviceName={ServiceName},ssl=true";

    /// <summary>The servers; the first began as primary.</summary>
    public IReadOnlyList<RedisServer> Servers => _servers;

    /// <summary>Starts primary, replicas and sentinels, or skips the test where redis-server is missing.</summary>
    /// <param name="settings">Further settings of each server.</param>
    public static Task<RedisSentinel> StartAsync(
        CancellationToken cancellation, int replicas = 1, string appendFsync = "everysec", params string[] settings) =>
        StartAsync(null, cancellation, replicas, appendFsync, settings);

    /// <param name="tls">Servers and sentinels speak TLS with each other, and with clients at a second port.</param>
    public static async Task<RedisSentinel> StartAsync(
        RedisTls? tls, CancellationToken cancellation, int replicas = 1, string appendFsync = "everysec", params string[] settings)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(Forming);
        var formed = new RedisSentinel(tls);
        try
        {
            await formed.FormAsync(replicas, appendFsync, settings, deadline.Token);
            return formed;
        }
        catch
        {
            await formed.DisposeAsync();
            throw;
        }
    }

    /// <summary>The server that the sentinels name as primary now.</summary>
    public async Task<RedisServer> PrimaryAsync(CancellationToken cancellation)
    {
        var address = await RespClient.AskAsync(_sentinels[0].Port, cancellation, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", ServiceName);
        return _servers.Single(s => NamedPort(s) == int.Parse(address.Split('\n')[1], CultureInfo.InvariantCulture));
    }

    /// <summary>kill -9 of the primary; ends once another server is primary for all sentinels, and returns it.</summary>
    public async Task<RedisServer> FailOverAsync(CancellationToken cancellation)
    {
        var old = await PrimaryAsync(cancellation);
        await old.KillAsync();
        return await WaitForPrimaryOtherThanAsync(old, cancellation);
    }

    /// <summary>Ends once another server is primary, says so itself, and all sentinels name it.</summary>
    public async Task<RedisServer> WaitForPrimaryOtherThanAsync(RedisServer old, CancellationToken cancellation)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(Forming);
        await BearSilenceAsync(Gone, deadline.Token);
        foreach (var (_, port, _) in _sentinels)
        {
            await Poll.UntilAsync(
                async () => !(await RespClient.AskAsync(port, deadline.Token, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", ServiceName))
                    .EndsWith(Text(NamedPort(old)), StringComparison.Ordinal),
                deadline.Token);
        }

        var next = await PrimaryAsync(deadline.Token);
        await Poll.UntilAsync(async () => (await next.AskAsync(deadline.Token, "ROLE")).StartsWith("master", StringComparison.Ordinal), deadline.Token);
        await BearSilenceAsync(Silent, deadline.Token);
        return next;
    }

    /// <summary>Ends once every server but the primary calls itself a replica.</summary>
    public async Task WaitUntilOnePrimaryAsync(CancellationToken cancellation)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(Forming);
        await Poll.UntilAsync(
            async () =>
            {
                // Asked each time: on a crowded machine sentinels take a primary for dead that is only slow, and name another.
                var primary = await PrimaryAsync(deadline.Token);
                var roles = await Task.WhenAll(_servers.Where(s => s != primary && s.IsRunning).Select(s => s.AskAsync(deadline.Token, "ROLE")));
                return roles.All(role => role.StartsWith("slave", StringComparison.Ordinal));
            },
            deadline.Token);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var (process, _, _) in _sentinels)
        {
            if (!process.HasExited)
            {
                process.Kill();
                await process.WaitForExitAsync();
            }

            process.Dispose();
        }

        foreach (var server in _servers)
        {
            await server.DisposeAsync();
        }

        Directory.Delete(_folder, recursive: true);
    }

    private async Task FormAsync(int replicas, string appendFsync, string[] settings, CancellationToken cancellation)
    {
        string[] Own() => ["--repl-diskless-sync-delay", "0", .. _tls is null ? [] : _tls.SettingsOfMany(), .. settings];
        _servers.Add(await RedisServer.StartAsync(cancellation, appendFsync, Own));
        for (var i = 0; i < replicas; i++)
        {
            _servers.Add(await RedisServer.StartAsync(cancellation, appendFsync, () => [.. Own(), "--replicaof", $"127.0.0.1 {Text(NamedPort(_servers[0]))}"]));
        }

        foreach (var replica in _servers.Skip(1))
        {
            await Poll.UntilAsync(
                async () => (await replica.AskAsync(cancellation, "INFO", "replication")).Contains("master_link_status:up", StringComparison.Ordinal),
                cancellation);
        }

        await _servers[0].WaitUntilReplicatedAsync(replicas, cancellation);
        for (var i = 0; i < Sentinels; i++)
        {
            _sentinels.Add(StartSentinel());
        }

        foreach (var (_, port, _) in _sentinels)
        {
            await Poll.UntilAsync(() => KnowsAllAsync(port, replicas, cancellation), cancellation);
        }
    }

    private async Task BearSilenceAsync(TimeSpan atMost, CancellationToken cancellation)
    {
        foreach (var (_, port, _) in _sentinels)
        {
            await RespClient.AskAsync(port, cancellation, "SENTINEL", "SET", ServiceName, "down-after-milliseconds", Text((int)atMost.TotalMilliseconds));
        }
    }

    private (Process, int, int?) StartSentinel()
    {
        var port = FreePorts.Next();
        var tlsPort = _tls is null ? default(int?) : FreePorts.Next();
        var file = Path.Combine(_folder, $"sentinel-{Text(port)}.conf");
        File.WriteAllText(file, string.Create(CultureInfo.InvariantCulture, $"""
            bind 127.0.0.1
            port {port}
            dir {_folder}
            sentinel monitor {ServiceName} 127.0.0.1 {NamedPort(_servers[0])} 2
            sentinel down-after-milliseconds {ServiceName} {(int)Silent.TotalMilliseconds}
            sentinel failover-timeout {ServiceName} 5000

            """) + (tlsPort is { } own ? _tls!.Lines(own) : ""));
        var start = new ProcessStartInfo(RealParts.Require("redis-server"), [file, "--sentinel"])
        {
            RedirectStandardOutput = true,
            WorkingDirectory = _folder,
        };
        var process = Process.Start(start) ?? throw new IOException("the sentinel did not start");
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        return (process, port, tlsPort);
    }

    // The sentinels find each other and the replicas through the primary.
    private static async Task<bool> KnowsAllAsync(int port, int replicas, CancellationToken cancellation)
    {
        var fields = (await RespClient.AskAsync(port, cancellation, "SENTINEL", "MASTER", ServiceName)).Split('\n');
        return Field(fields, "num-other-sentinels") == Text(Sentinels - 1) && Field(fields, "num-slaves") == Text(replicas);
    }

    // Where they speak TLS with each other they know each other by that port.
    private static int NamedPort(RedisServer server) => server.TlsPort ?? server.Port;

    private static string Field(string[] fields, string name) => fields[Array.IndexOf(fields, name) + 1];

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
