using System.Net;
using DnsClient;

namespace Relay.Delivery.Routing;

/// <summary>The name servers of the configuration, or the system's.</summary>
internal static class NameServers
{
    /// <summary>A client that remembers nothing and gives every answer as it is, errors included.</summary>
    public static LookupClient ClientOf(DnsOptions dns) => ClientOf(
        dns.Servers.Length == 0
            ? new LookupClientOptions()
            : new LookupClientOptions([.. dns.Servers.Select(EndPointOf)]),
        dns.Timeout,
        dns.Repeats,
        dns.Trusted);

    /// <summary>The same for one server that is asked what it knows itself.</summary>
    public static LookupClient ClientOf(IPEndPoint server, TimeSpan timeout) =>
        ClientOf(new LookupClientOptions(server) { Recursion = false }, timeout, repeats: 1);

    private static LookupClient ClientOf(LookupClientOptions settings, TimeSpan timeout, int repeats, bool validated = false)
    {
        settings.UseCache = false;
        settings.UseTcpFallback = true;
        settings.ThrowDnsErrors = false;
        settings.ContinueOnDnsError = false;
        settings.ContinueOnEmptyResponse = false;
        settings.Retries = repeats;
        settings.Timeout = timeout;
        settings.ExtendedDnsBufferSize = 1232;

        // Without DO a resolver need not say whether it validated (RFC 6840, 5.7).
        settings.RequestDnsSecRecords = validated;
        return new LookupClient(settings);
    }

    private static IPEndPoint EndPointOf(string server)
    {
        var endPoint = IPEndPoint.Parse(server);
        return endPoint.Port == 0 ? new IPEndPoint(endPoint.Address, 53) : endPoint;
    }
}
