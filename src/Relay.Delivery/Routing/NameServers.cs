using System.Net;
using DnsClient;

namespace Relay.Delivery.Routing;

/// <summary>The name servers of the configuration, or the system's.</summary>
internal static class NameServers
{
    /// <summary>A client that remembers nothing and gives every answer as it is, errors included.</summary>
    public static LookupClient ClientOf(DnsOptions dns)
    {
        var settings = dns.Servers.Length == 0
            ? new LookupClientOptions()
            : new LookupClientOptions([.. dns.Servers.Select(EndPointOf)]);
        settings.UseCache = false;
        settings.UseTcpFallback = true;
        settings.ThrowDnsErrors = false;
        settings.ContinueOnDnsError = false;
        settings.ContinueOnEmptyResponse = false;
        settings.Retries = 1;
        settings.Timeout = dns.Timeout;
        settings.ExtendedDnsBufferSize = 1232;
        return new LookupClient(settings);
    }

    private static IPEndPoint EndPointOf(string server)
    {
        var endPoint = IPEndPoint.Parse(server);
        return endPoint.Port == 0 ? new IPEndPoint(endPoint.Address, 53) : endPoint;
    }
}
