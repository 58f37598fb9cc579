using System.Globalization;
using Relay.TestKit.Relays;

namespace Relay.TestKit.Redis;

/// <summary>
/// A cluster of three primaries, each with one replica, on loopback. A primary that is killed is replaced by its replica
/// within a few seconds.
/// </summary>
public sealed class RedisCluster : IAsyncDisposable
{
    private const int Primaries = 3;
    private const int Slots = 16_384;

    // How long it takes until a primary that is silent counts as gone: short while one is killed, and else longer than a machine
    // under load halts. A replica that took over from one that merely halted would surprise the test, and its data be gone.
    private static readonly TimeSpan Gone = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Silent = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Forming = TimeSpan.FromSeconds(60);

    private readonly List<RedisServer> _servers;

    private RedisCluster(List<RedisServer> servers) => _servers = servers;

    /// <summary>What goes into <c>Relay:Redis</c>: all nodes, so that any of them may be away.</summary>
    public string ConnectionString => string.Join(',', _servers.Select(s => s.ConnectionString));

    /// <summary>The same by TLS.</summary>
    public string TlsConnectionString => string.Join(',', _servers.Select(s => $"127.0.0.1:{Text(s.TlsPort!.Value)}")) + ",ssl=true";

    /// <summary>The servers that began as primaries, then their replicas in the same order.</summary>
    public IReadOnlyList<RedisServer> Servers => _servers;

    /// <summary>Starts a cluster, or skips the test where redis-server is missing.</summary>
    /// <param name="settings">Further settings of each server.</param>
    public static Task<RedisCluster> StartAsync(CancellationToken cancellation, string appendFsync = "everysec", params string[] settings) =>
        StartAsync(null, cancellation, appendFsync, settings);

    /// <param name="tls">They speak TLS with each other, and with clients at a second port.</param>
    public static async Task<RedisCluster> StartAsync(RedisTls? tls, CancellationToken cancellation, string appendFsync = "everysec", params string[] settings)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(Forming);
        var cluster = new RedisCluster([]);
        try
        {
            for (var i = 0; i < 2 * Primaries; i++)
            {
                cluster._servers.Add(await RedisServer.StartAsync(deadline.Token, appendFsync, () => [.. NodeSettings(), .. tls is null ? [] : tls.SettingsOfMany(), .. settings]));
            }

            await cluster.FormAsync(deadline.Token);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>The server that holds a key now.</summary>
    public async Task<RedisServer> PrimaryOfAsync(string key, CancellationToken cancellation)
    {
        var slot = int.Parse(await AskAnyAsync(cancellation, "CLUSTER", "KEYSLOT", key), CultureInfo.InvariantCulture);
        return await PrimaryOfAsync(slot, cancellation);
    }

    /// <summary>The server that holds a slot; waits for it where one is just being replaced.</summary>
    public async Task<RedisServer> PrimaryOfAsync(int slot, CancellationToken cancellation)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(Forming);
        RedisServer? primary = null;
        await Poll.UntilAsync(async () => (primary = await FindPrimaryAsync(slot, deadline.Token)) is not null, deadline.Token);
        return primary!;
    }

    /// <summary>Waits until every slot is served again and every running server knows by whom.</summary>
    public async Task WaitUntilWholeAsync(CancellationToken cancellation)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(Forming);
        await AllAsync(s => SaysAsync(s, "cluster_state:ok", deadline.Token, "CLUSTER", "INFO"), deadline.Token);
    }

    /// <summary>kill -9 of a primary; ends once its replica serves in its place.</summary>
    public async Task FailOverAsync(RedisServer primary, CancellationToken cancellation)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(Forming);
        var id = await primary.AskAsync(deadline.Token, "CLUSTER", "MYID");
        await BearSilenceAsync(Gone, deadline.Token);
        await primary.KillAsync();
        await AllAsync(
            async s => (await s.AskAsync(deadline.Token, "CLUSTER", "NODES")).Split('\n').Single(l => l.StartsWith(id, StringComparison.Ordinal)).Split(' ').Length == 8,
            deadline.Token);
        await WaitUntilWholeAsync(deadline.Token);
        await BearSilenceAsync(Silent, deadline.Token);
    }

    /// <summary>Moves slots, and what is in them, from one primary to another while both serve, as an operator does who makes room.</summary>
    /// <param name="count">The first so many of those that it holds.</param>
    public async Task MoveSlotsAsync(RedisServer from, RedisServer to, int count, CancellationToken cancellation)
    {
        var moved = await ChildProcess.RunAsync(
            RealParts.Require("redis-cli"),
            [
                "--cluster", "reshard", from.ConnectionString, "--cluster-from", await from.AskAsync(cancellation, "CLUSTER", "MYID"),
                "--cluster-to", await to.AskAsync(cancellation, "CLUSTER", "MYID"), "--cluster-slots", Text(count), "--cluster-yes",
            ],
            cancellation);
        moved.Succeeded();
        await WaitUntilWholeAsync(cancellation);
    }

    /// <summary>Forgets all keys.</summary>
    public async Task EmptyAsync(CancellationToken cancellation)
    {
        foreach (var server in Running)
        {
            if ((await server.AskAsync(cancellation, "ROLE")).StartsWith("master", StringComparison.Ordinal))
            {
                await server.AskAsync(cancellation, "FLUSHALL");
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var server in _servers)
        {
            await server.DisposeAsync();
        }
    }

    private IEnumerable<RedisServer> Running => _servers.Where(s => s.IsRunning);

    private static string[] NodeSettings() =>
    [
        "--cluster-enabled", "yes",
        "--cluster-port", FreePorts.Next().ToString(CultureInfo.InvariantCulture),
        "--cluster-node-timeout", Text((int)Gone.TotalMilliseconds),
        // A replica that hung with the machine may take over all the same.
        "--cluster-replica-validity-factor", "0",
        "--repl-diskless-sync-delay", "0",
    ];

    private async Task FormAsync(CancellationToken cancellation)
    {
        var first = _servers[0];
        for (var i = 0; i < _servers.Count; i++)
        {
            // Different epochs from the start, or the servers would spend a while agreeing on them.
            await _servers[i].AskAsync(cancellation, "CLUSTER", "SET-CONFIG-EPOCH", (i + 1).ToString(CultureInfo.InvariantCulture));
            if (i < Primaries)
            {
                await _servers[i].AskAsync(
                    cancellation, "CLUSTER", "ADDSLOTSRANGE", Text(i * Slots / Primaries), Text(((i + 1) * Slots / Primaries) - 1));
            }

            if (i > 0)
            {
                await first.AskAsync(cancellation, "CLUSTER", "MEET", "127.0.0.1", Text(_servers[i].TlsPort ?? _servers[i].Port), await ClusterPortAsync(_servers[i], cancellation));
            }
        }

        await AllAsync(s => SaysAsync(s, "cluster_known_nodes:6", cancellation, "CLUSTER", "INFO"), cancellation);
        await WaitUntilWholeAsync(cancellation);
        for (var i = 0; i < Primaries; i++)
        {
            var id = await _servers[i].AskAsync(cancellation, "CLUSTER", "MYID");
            await _servers[i + Primaries].AskAsync(cancellation, "CLUSTER", "REPLICATE", id);
        }

        foreach (var replica in _servers.Skip(Primaries))
        {
            await Poll.UntilAsync(() => SaysAsync(replica, "master_link_status:up", cancellation, "INFO", "replication"), cancellation);
        }

        await Task.WhenAll(_servers.Take(Primaries).Select(primary => primary.WaitUntilReplicatedAsync(1, cancellation)));

        // Each must know whose replicas the others are, or a client may be told an old story.
        await AllAsync(
            async s => (await s.AskAsync(cancellation, "CLUSTER", "NODES")).Split('\n').Count(l => l.Contains("slave", StringComparison.Ordinal)) == Primaries,
            cancellation);
        await BearSilenceAsync(Silent, cancellation);
    }

    private async Task BearSilenceAsync(TimeSpan atMost, CancellationToken cancellation)
    {
        foreach (var server in Running)
        {
            await server.AskAsync(cancellation, "CONFIG", "SET", "cluster-node-timeout", Text((int)atMost.TotalMilliseconds));
        }
    }

    private async Task<RedisServer?> FindPrimaryAsync(int slot, CancellationToken cancellation)
    {
        foreach (var line in (await AskAnyAsync(cancellation, "CLUSTER", "NODES")).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            // id address flags primary ping pong epoch link slots...
            var fields = line.Split(' ');
            if (fields[2].Contains("master", StringComparison.Ordinal) && !fields[2].Contains("fail", StringComparison.Ordinal)
                && fields.Skip(8).Any(range => Holds(range, slot)))
            {
                var port = int.Parse(fields[1].Split(':')[1].Split('@')[0], CultureInfo.InvariantCulture);
                return _servers.Single(s => s.Port == port);
            }
        }

        return null;
    }

    private static async Task<string> ClusterPortAsync(RedisServer server, CancellationToken cancellation) =>
        (await server.AskAsync(cancellation, "CONFIG", "GET", "cluster-port")).Split('\n')[1];

    private Task<string> AskAnyAsync(CancellationToken cancellation, params string[] words) => Running.First().AskAsync(cancellation, words);

    private static async Task<bool> SaysAsync(RedisServer server, string line, CancellationToken cancellation, params string[] words) =>
        (await server.AskAsync(cancellation, words)).Contains(line, StringComparison.Ordinal);

    private async Task AllAsync(Func<RedisServer, Task<bool>> holds, CancellationToken cancellation)
    {
        foreach (var server in Running.ToList())
        {
            await Poll.UntilAsync(() => holds(server), cancellation);
        }
    }

    private static bool Holds(string range, int slot)
    {
        var ends = range.Split('-');
        return int.TryParse(ends[0], NumberStyles.None, CultureInfo.InvariantCulture, out var from)
            && int.TryParse(ends[^1], NumberStyles.None, CultureInfo.InvariantCulture, out var to)
            && slot >= from && slot <= to;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
