using System.Globalization;
using System.Net;
using StackExchange.Redis;
using StackExchange.Redis.Configuration;

namespace Relay.Redis.Connections;

/// <summary>
/// Lets no connection go to a server that the sentinels call a replica. A primary that was replaced and is started again
/// believes itself the primary until a sentinel tells it otherwise, some ten seconds later; the client, which knows it from
/// before, would share the commands between the two, and what the old one takes is wiped.
/// </summary>
internal sealed class SentinelGuard : Tunnel, IAsyncDisposable
{
    // Eight connections ask after each replica again and again.
    private static readonly TimeSpan Known = TimeSpan.FromSeconds(1);

    private readonly ConfigurationOptions _sentinels;
    private readonly string _service;
    private readonly SemaphoreSlim _turn = new(1);
    private ConnectionMultiplexer? _connection;
    private IReadOnlySet<string> _replicas = new HashSet<string>();
    private long _asked;

    private SentinelGuard(ConfigurationOptions options)
    {
        _service = options.ServiceName!;
        _sentinels = options.Clone();
        _sentinels.ServiceName = null;
        _sentinels.CommandMap = CommandMap.Sentinel;
        _sentinels.TieBreaker = "";
        _sentinels.AbortOnConnectFail = false;
        _sentinels.ClientName = "relay-guard";
    }

    /// <summary>Puts one in front of the connections of a store with sentinels; null where it has none.</summary>
    public static SentinelGuard? StandBefore(ConfigurationOptions options)
    {
        if (string.IsNullOrEmpty(options.ServiceName))
        {
            return null;
        }

        var guard = new SentinelGuard(options);
        options.Tunnel = guard;
        return guard;
    }

    /// <exception cref="IOException">It is a replica.</exception>
    public override async ValueTask<EndPoint?> GetSocketConnectEndpointAsync(EndPoint endpoint, CancellationToken cancellationToken)
    {
        var replicas = await ReplicasAsync(cancellationToken);
        return !replicas.Contains(NameOf(endpoint)) ? endpoint : throw new IOException($"the sentinels call {NameOf(endpoint)} a replica");
    }

    public async ValueTask DisposeAsync()
    {
        if (_connection is not null)
        {
            await _connection.DisposeAsync();
        }

        _turn.Dispose();
    }

    private async Task<IReadOnlySet<string>> ReplicasAsync(CancellationToken cancellation)
    {
        await _turn.WaitAsync(cancellation);
        try
        {
            if (_asked == 0 || Environment.TickCount64 - _asked >= Known.TotalMilliseconds)
            {
                _connection ??= await ConnectionMultiplexer.SentinelConnectAsync(_sentinels);
                _replicas = await AskAsync(_connection) ?? _replicas;
                _asked = Environment.TickCount64;
            }

            return _replicas;
        }
        finally
        {
            _turn.Release();
        }
    }

    // Null while no sentinel answers: what was known before holds.
    private async Task<IReadOnlySet<string>?> AskAsync(ConnectionMultiplexer sentinels)
    {
        foreach (var sentinel in sentinels.GetServers().Where(s => s.IsConnected))
        {
            try
            {
                var replicas = await sentinel.SentinelReplicasAsync(_service);
                return replicas.Select(facts => facts.ToDictionary(f => f.Key, f => f.Value)).Select(f => $"{f["ip"]}:{f["port"]}").ToHashSet();
            }
            catch (Exception e) when (StoreFailure.Covers(e))
            {
                // Another one may.
            }
        }

        return null;
    }

    private static string NameOf(EndPoint endPoint) => endPoint switch
    {
        IPEndPoint address => address.ToString(),
        DnsEndPoint name => string.Create(CultureInfo.InvariantCulture, $"{name.Host}:{name.Port}"),
        _ => endPoint.ToString() ?? "",
    };
}
