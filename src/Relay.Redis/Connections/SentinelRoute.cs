using System.Globalization;
using System.Net;
using System.Net.Sockets;
using StackExchange.Redis;
using StackExchange.Redis.Configuration;

namespace Relay.Redis.Connections;

/// <summary>
/// Leads every connection to the server that the sentinels call the primary. The client is told of one server, with the name of the
/// service for an address; where that is, is asked anew for each connection, and connections to what it was before are cut. So a
/// failover is a lost connection and the next one, and nobody speaks to a primary that was replaced, is started again and
/// believes itself the primary until a sentinel tells it otherwise.
/// </summary>
internal sealed class SentinelRoute : Tunnel, IAsyncDisposable
{
    // Only ever shown.
    private const int RedisPort = 6379;

    // Milliseconds after which a connection that was lost is tried again. It costs nothing: it waits here for a primary.
    private const int Retry = 250;

    // Eight connections ask at the same time.
    private static readonly TimeSpan Known = TimeSpan.FromMilliseconds(100);

    // How soon connections follow that were not lost.
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);

    // A sentinel that takes longer is not waited for; another one may know.
    private static readonly TimeSpan AnswerTime = TimeSpan.FromSeconds(1);

    private readonly ConfigurationOptions _sentinels;
    private readonly string _service;
    private readonly TimeSpan _patience;
    private readonly SemaphoreSlim _turn = new(1);
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _lock = new();
    private readonly Dictionary<Socket, EndPoint> _sockets = [];
    private ConnectionMultiplexer? _connection;
    private Task _watching = Task.CompletedTask;
    private volatile EndPoint? _primary;
    private volatile bool _isDown;
    private long _epoch;
    private long? _asked;

    private SentinelRoute(ConfigurationOptions options)
    {
        _service = options.ServiceName!;

        // Less than what the client gives a connection: what comes later comes to nobody.
        _patience = TimeSpan.FromMilliseconds(options.ConnectTimeout * 0.8);
        _sentinels = options.Clone();
        _sentinels.ServiceName = null;
        _sentinels.CommandMap = CommandMap.Sentinel;
        _sentinels.TieBreaker = "";
        _sentinels.AbortOnConnectFail = false;
        _sentinels.ClientName = "relay-route";
    }

    /// <summary>The primary as it was last heard of; null before that.</summary>
    public EndPoint? Primary => _primary;

    /// <summary>Puts one under the connections of a store with sentinels; null where it has none.</summary>
    public static SentinelRoute? Under(ConfigurationOptions options)
    {
        if (string.IsNullOrEmpty(options.ServiceName))
        {
            return null;
        }

        var route = new SentinelRoute(options);
        options.EndPoints.Clear();
        options.EndPoints.Add(new DnsEndPoint(route._service, RedisPort));
        options.ServiceName = null;
        options.Tunnel = route;
        options.HeartbeatInterval = TimeSpan.FromMilliseconds(Retry);
        options.ReconnectRetryPolicy = new LinearRetry(Retry);
        if (options.SslClientAuthenticationOptions is { } tls && string.IsNullOrEmpty(options.SslHost))
        {
            // The client would ask for a certificate of the name that it was given, which is that of the service.
            options.SslClientAuthenticationOptions = host => tls(route._primary is { } primary ? HostOf(primary) : host);
        }

        route._watching = route.WatchAsync(route._stopping.Token);
        return route;
    }

    /// <summary>Whether the primary can be used; one that is not found within the usual time may come.</summary>
    /// <exception cref="StoreRefusedException">It cannot.</exception>
    public async Task RequirePrimaryAsync(ConfigurationOptions options, CancellationToken cancellation)
    {
        try
        {
            await StoreGreeting.RequireAsync(options, (await GetSocketConnectEndpointAsync(new DnsEndPoint(_service, RedisPort), cancellation))!, cancellation);
        }
        catch (IOException e)
        {
            throw new RedisConnectionException(ConnectionFailureType.UnableToConnect, CommandFlags.None, e.Message, e);
        }
    }

    /// <summary>
    /// Waits for a primary that is up: a machine that is gone answers nothing, and whoever waits for that does not see when another
    /// takes its place. An exception is no answer either, since the client then does nothing until its own time is up.
    /// </summary>
    /// <exception cref="IOException">There is none.</exception>
    public override async ValueTask<EndPoint?> GetSocketConnectEndpointAsync(EndPoint endpoint, CancellationToken cancellationToken)
    {
        var since = Environment.TickCount64;
        while (true)
        {
            await LookAsync(cancellationToken);
            if (_primary is { } primary && !_isDown)
            {
                return primary;
            }

            if (Environment.TickCount64 - since > _patience.TotalMilliseconds)
            {
                throw new IOException(_isDown ? "the sentinels say that the primary is down" : $"no sentinel knows of a primary of {_service}");
            }

            await Task.Delay(Known, cancellationToken);
        }
    }

    public override ValueTask<Stream?> BeforeAuthenticateAsync(EndPoint endpoint, ConnectionType connectionType, Socket? socket, CancellationToken cancellationToken)
    {
        if (socket is not null && _primary is { } primary)
        {
            lock (_lock)
            {
                foreach (var closed in _sockets.Keys.Where(s => !s.Connected).ToList())
                {
                    _sockets.Remove(closed);
                }

                // Another may have become the primary while it was connecting.
                _sockets[socket] = primary is IPEndPoint && socket.RemoteEndPoint is IPEndPoint remote ? Plain(remote) : primary;
            }
        }

        return ValueTask.FromResult<Stream?>(null);
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_connection is not null)
        {
            await _connection.DisposeAsync();
        }

        _turn.Dispose();
        _stopping.Dispose();
    }

    private async Task WatchAsync(CancellationToken cancellation)
    {
        using var timer = new PeriodicTimer(Look);
        while (await timer.WaitForNextTickAsync(cancellation))
        {
            try
            {
                await LookAsync(cancellation);
            }
            catch (Exception e) when (StoreFailure.Covers(e) || e is IOException)
            {
                // No sentinel answers: what was known before holds.
            }
        }
    }

    private async Task LookAsync(CancellationToken cancellation)
    {
        await _turn.WaitAsync(cancellation);
        try
        {
            if (_asked is { } asked && Environment.TickCount64 - asked < Known.TotalMilliseconds)
            {
                return;
            }

            _connection ??= await ConnectionMultiplexer.SentinelConnectAsync(_sentinels);
            var told = (await Task.WhenAll(_connection.GetServers().Select(AskAsync))).ToList();
            _asked = Environment.TickCount64;

            // They learn of a failover one after the other, and one that is cut off not at all: the latest epoch counts, and an
            // earlier one only when all of them were made anew.
            var answers = told.OfType<Answer>().ToList();
            var newest = answers.Count == 0 ? -1 : answers.Max(answer => answer.Epoch);
            if (newest >= _epoch || (newest >= 0 && answers.Count == told.Count))
            {
                _epoch = newest;
                var now = answers.Where(answer => answer.Epoch == newest).ToList();
                _isDown = now.TrueForAll(answer => answer.IsDown);
                Follow(now[0].Primary);
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task<Answer?> AskAsync(IServer sentinel)
    {
        if (!sentinel.IsConnected)
        {
            return null;
        }

        try
        {
            // During a failover the address is that of the promoted one already, in the new epoch, and the facts still name the old. So
            // the epoch is the address's only where that did not change around it.
            var before = sentinel.SentinelGetMasterAddressByNameAsync(_service);
            var facts = (await sentinel.SentinelMasterAsync(_service).WaitAsync(AnswerTime)).ToDictionary(f => f.Key, f => f.Value);
            if (await sentinel.SentinelGetMasterAddressByNameAsync(_service).WaitAsync(AnswerTime) is not { } primary || !primary.Equals(await before.WaitAsync(AnswerTime)))
            {
                return null;
            }

            var isOld = StoreGreeting.NameOf(primary) == $"{facts["ip"]}:{facts["port"]}";
            return new Answer(long.Parse(facts["config-epoch"], CultureInfo.InvariantCulture), primary, isOld && facts["flags"].Contains("_down", StringComparison.Ordinal));
        }
        catch (Exception e) when (StoreFailure.Covers(e) || e is KeyNotFoundException or FormatException)
        {
            // It does not answer, or not as a sentinel does.
            return null;
        }
    }

    private void Follow(EndPoint primary)
    {
        _primary = primary;
        lock (_lock)
        {
            foreach (var (socket, to) in _sockets.Where(s => !s.Value.Equals(primary)).ToList())
            {
                socket.Dispose();
                _sockets.Remove(socket);
            }
        }
    }

    // As a socket for both families has it.
    private static IPEndPoint Plain(IPEndPoint endPoint) =>
        endPoint.Address.IsIPv4MappedToIPv6 ? new IPEndPoint(endPoint.Address.MapToIPv4(), endPoint.Port) : endPoint;

    private static string HostOf(EndPoint endPoint) => endPoint is DnsEndPoint name ? name.Host : ((IPEndPoint)endPoint).Address.ToString();

    /// <summary>What one sentinel says.</summary>
    private sealed record Answer(long Epoch, EndPoint Primary, bool IsDown);
}
