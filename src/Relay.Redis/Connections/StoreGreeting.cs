using System.Globalization;
using System.Net;
using StackExchange.Redis;

namespace Relay.Redis.Connections;

/// <summary>
/// Asks the servers, before the client library does, whether they will ever be of use with the settings that are there. The
/// library tells a wrong password, a certificate that nobody trusts and a server of another kind as it tells one that is away, and
/// goes on trying; what no patience mends is to be said at once.
/// </summary>
internal static class StoreGreeting
{
    private const int RedisPort = 6379;
    private const int SentinelPort = 26379;

    /// <exception cref="StoreRefusedException">Of the servers that answer none can be used, now or later.</exception>
    /// <exception cref="RedisConnectionException">They say no, and may think better of it.</exception>
    public static Task RequireAsync(ConfigurationOptions options, CancellationToken cancellation)
    {
        var sentinels = !string.IsNullOrEmpty(options.ServiceName);
        var servers = options.EndPoints.Where(e => e is DnsEndPoint or IPEndPoint).Select(e => WithPort(e, sentinels ? SentinelPort : RedisPort));
        return RequireAsync([.. servers.Select(e => new StoreVisit(options, e, sentinels))], cancellation);
    }

    /// <summary>The same for the primary that the sentinels name.</summary>
    /// <inheritdoc cref="RequireAsync(ConfigurationOptions, CancellationToken)"/>
    public static Task RequireAsync(ConfigurationOptions options, EndPoint primary, CancellationToken cancellation) =>
        RequireAsync([new StoreVisit(options, primary, isSentinel: false)], cancellation);

    public static string NameOf(EndPoint endPoint) =>
        endPoint is DnsEndPoint name ? string.Create(CultureInfo.InvariantCulture, $"{name.Host}:{name.Port}") : endPoint.ToString() ?? "";

    private static async Task RequireAsync(StoreVisit[] visits, CancellationToken cancellation)
    {
        var heard = await Task.WhenAll(visits.Select(visit => visit.HearAsync(cancellation)));

        // One of several that is set up wrongly does not keep the relay from the others.
        if (Array.Exists(heard, h => h.Kind == HeardKind.Good))
        {
            return;
        }

        if (Array.Find(heard, h => h.Kind == HeardKind.Never) is { } never)
        {
            throw new StoreRefusedException(never.Words);
        }

        if (Array.Find(heard, h => h.Kind == HeardKind.NotNow) is { } notNow)
        {
            throw new RedisConnectionException(ConnectionFailureType.UnableToConnect, CommandFlags.None, notNow.Words);
        }
    }

    private static EndPoint WithPort(EndPoint endPoint, int port) => endPoint switch
    {
        DnsEndPoint { Port: 0 } name => new DnsEndPoint(name.Host, port),
        IPEndPoint { Port: 0 } address => new IPEndPoint(address.Address, port),
        _ => endPoint,
    };
}
