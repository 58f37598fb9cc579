using System.Net;
using Relay.Redis.Durability;
using StackExchange.Redis;

namespace Relay.Redis.Connections;

/// <summary>
/// The connections to the store, one a kind of work, since replies come in the order of requests: a large chunk or a
/// step with a condition (which waits for its answer before it goes on) must not hold up an accept.
/// </summary>
internal sealed class StoreConnections : IAsyncDisposable
{
    /// <summary>
    /// How everything is read that decides what is written or sent: while a primary is away the client would else ask its
    /// replica, which may lag and show as waiting what was settled.
    /// </summary>
    public const CommandFlags FromPrimary = CommandFlags.DemandMaster;

    private readonly ConnectionMultiplexer[] _all;
    private readonly SentinelRoute? _route;

    private StoreConnections(ConnectionMultiplexer[] all, StoreShape shape, SentinelRoute? route)
    {
        _all = all;
        _route = route;
        Shape = shape;
        foreach (var connection in all)
        {
            connection.ConnectionFailed += (_, failed) => TellChange(failed, wasConnected: failed.FailureType != ConnectionFailureType.UnableToConnect);
            connection.ConnectionRestored += (_, restored) => TellChange(restored, wasConnected: true);
        }
    }

    /// <summary>A connection for commands was lost, or made anew.</summary>
    public event Action? Changed;

    /// <summary>Accepts without conditions: the hot path.</summary>
    public IDatabase Intake => _all[0].GetDatabase();

    /// <summary>Accepts with conditions: idempotency keys, large contents.</summary>
    public IDatabase Guarded => _all[1].GetDatabase();

    /// <summary>Settling steps only.</summary>
    public IDatabase Settling => _all[2].GetDatabase();

    /// <summary>Projecting steps, leases, lower bounds, what inboxes hold: nobody waits for these.</summary>
    public IDatabase Background => _all[3].GetDatabase();

    /// <summary>Refills, accounts, and whatever people look at.</summary>
    public IDatabase Reading => _all[4].GetDatabase();

    /// <summary>Chunks of large contents.</summary>
    public IDatabase Bulk => _all[5].GetDatabase();

    /// <summary>Notes of units about to be sent: a connection to a remote stands still until they are written.</summary>
    public IDatabase Noting => _all[7].GetDatabase();

    /// <summary>What nodes tell each other.</summary>
    public ISubscriber Wakes => _all[3].GetSubscriber();

    /// <summary>Questions whether a replica or the disk has what was written: the server holds the connection up meanwhile.</summary>
    public IDatabase Acknowledging => _all[6].GetDatabase();

    public StoreShape Shape { get; }

    public bool IsCluster => Shape == StoreShape.Cluster;

    /// <summary>None of them is away.</summary>
    public bool AreAllThere => Array.TrueForAll(_all, connection => connection.IsConnected);

    /// <summary>An unhurried look at the servers themselves.</summary>
    public IEnumerable<IServer> Primaries() =>
        _all[3].GetEndPoints().Select(e => _all[3].GetServer(e)).Where(s => s.IsConnected && !s.IsReplica);

    /// <summary>The servers that hold these keys.</summary>
    /// <exception cref="RedisException">One of them is away.</exception>
    public async Task<IReadOnlyList<IServer>> PrimariesOfAsync(IEnumerable<RedisKey> keys)
    {
        var endPoints = await Task.WhenAll(keys.Select(key => Background.IdentifyEndpointAsync(key, FromPrimary)));
        return [.. endPoints.Distinct().Select(endPoint => _all[3].GetServer(endPoint!))];
    }

    /// <summary>Which servers these are, so that a failover is noticed.</summary>
    public string PrimaryNames => _route is not null
        ? _route.Primary?.ToString() ?? ""
        : string.Join(' ', Primaries().Select(server => server.EndPoint.ToString()).Order(StringComparer.Ordinal));

    /// <exception cref="RedisConnectionException">The store does not answer.</exception>
    /// <exception cref="StoreRefusedException">It answers, and cannot be used with these settings.</exception>
    public static async Task<StoreConnections> OpenAsync(ConfigurationOptions options, CancellationToken cancellation)
    {
        string[] kinds = ["intake", "guarded", "settling", "background", "reading", "bulk", "acknowledging", "noting"];
        var opened = new List<ConnectionMultiplexer>();
        await StoreGreeting.RequireAsync(options, cancellation);
        var led = options.Clone();
        var route = SentinelRoute.Under(led);
        try
        {
            if (route is not null)
            {
                await route.RequirePrimaryAsync(options, cancellation);
            }

            foreach (var kind in kinds)
            {
                ReserveThreads(kinds.Length * ServersOf(opened));
                opened.Add(await ConnectAsync(led, kind, cancellation));
                if (opened.Count == 1 && ShapeOf(options, opened[0]) == StoreShape.Cluster)
                {
                    // Only now it is known.
                    led.Tunnel = new ClusterTunnel();
                    await opened[0].DisposeAsync();
                    opened[0] = await ConnectAsync(led, kind, cancellation);
                }
            }

            return new StoreConnections([.. opened], ShapeOf(options, opened[0]), route);
        }
        catch
        {
            foreach (var connection in opened)
            {
                await connection.DisposeAsync();
            }

            if (route is not null)
            {
                await route.DisposeAsync();
            }

            throw;
        }
    }

    /// <summary>How this relay wants every connection, whatever the connection string says.</summary>
    /// <exception cref="StoreRefusedException">The connection string or a file of <paramref name="tls"/> cannot be read.</exception>
    public static ConfigurationOptions Configure(string connectionString, TimeSpan answerTimeout, RedisTlsOptions? tls = null)
    {
        var options = Configure(Parse(connectionString), answerTimeout);
        if (options.Ssl)
        {
            StoreTls.Read(tls ?? new RedisTlsOptions()).PutUnder(options);
        }

        return options;
    }

    public static ConfigurationOptions Configure(EndPoint endPoint, TimeSpan answerTimeout) =>
        Configure(new ConfigurationOptions { EndPoints = { endPoint } }, answerTimeout);

    private static ConfigurationOptions Parse(string connectionString)
    {
        try
        {
            return RedisUrl.TryRead(connectionString, out var options) ? options : ConfigurationOptions.Parse(connectionString);
        }
        catch (Exception e) when (e is ArgumentException or FormatException)
        {
            throw new StoreRefusedException($"Relay:Redis is not of the form host:port,password=...: {e.Message}", e);
        }
    }

    private static ConfigurationOptions Configure(ConfigurationOptions options, TimeSpan answerTimeout)
    {
        // A store that is away now may be back in a second; we go on asking.
        options.AbortOnConnectFail = false;

        // The start repeats it as well, and says what it waits for; three tries in here are a quarter of a minute of silence.
        options.ConnectRetry = 1;

        // The default would keep a write while the connection is down and send it later, after we answered 451: mail that
        // the client sends again would then be there twice.
        options.BacklogPolicy = BacklogPolicy.FailFast;
        options.AsyncTimeout = (int)answerTimeout.TotalMilliseconds;
        options.SyncTimeout = (int)answerTimeout.TotalMilliseconds;
        options.ConnectTimeout = 5_000;
        options.ReconnectRetryPolicy = new ExponentialRetry(deltaBackOffMilliseconds: 100, maxDeltaBackOffMilliseconds: 2_000);
        options.IncludeDetailInExceptions = false;

        // The client looks at these whenever it connects; under names of ours a user who may touch nothing but relay:* is enough.
        options.TieBreaker = "relay:tie-breaker";
        options.ConfigurationChannel = "relay:configuration";

        // CONFIG GET, to learn what the store promises.
        options.AllowAdmin = true;
        return options;
    }

    private static async Task<ConnectionMultiplexer> ConnectAsync(ConfigurationOptions options, string kind, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        var own = options.Clone();
        own.ClientName = $"relay-{kind}";
        var connection = await ConnectionMultiplexer.ConnectAsync(own).WaitAsync(cancellation);
        try
        {
            // At once: where nobody answers, all connections would take all their timeouts to say so.
            await connection.GetDatabase().PingAsync().WaitAsync(cancellation);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    private void TellChange(ConnectionFailedEventArgs connection, bool wasConnected)
    {
        if (wasConnected && connection.ConnectionType == ConnectionType.Interactive)
        {
            Changed?.Invoke();
        }
    }

    private static StoreShape ShapeOf(ConfigurationOptions options, ConnectionMultiplexer connection) =>
        !string.IsNullOrEmpty(options.ServiceName) ? StoreShape.Sentinel
        : connection.GetServers().Any(s => s.IsConnected && s.ServerType == ServerType.Cluster) ? StoreShape.Cluster
        : StoreShape.Single;

    private static int ServersOf(List<ConnectionMultiplexer> opened) => opened.Count == 0 ? 1 : opened[0].GetServers().Length;

    // While a step waits for the answer to its condition the client holds a thread of the pool, one for each server and kind
    // at most.
    // The pool begins with a thread per core and adds one or two a second: on two cores two such steps stopped everything
    // for a second, the reading of their own answers too.
    private static void ReserveThreads(int connections)
    {
        ThreadPool.GetMinThreads(out var workers, out var completionPorts);
        ThreadPool.SetMinThreads(Math.Max(workers, Environment.ProcessorCount + connections), completionPorts);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var connection in _all)
        {
            await connection.DisposeAsync();
        }

        if (_route is not null)
        {
            await _route.DisposeAsync();
        }
    }
}
