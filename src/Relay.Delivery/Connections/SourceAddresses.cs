using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Options;

namespace Relay.Delivery.Connections;

/// <summary>Which of our addresses a site sees: always the same one of a family, as its view of us hangs on it.</summary>
internal sealed class SourceAddresses
{
    private readonly IPAddress[] _four;
    private readonly IPAddress[] _six;

    public SourceAddresses(IOptions<DeliveryOptions> options)
    {
        var all = options.Value.SourceAddresses.Select(IPAddress.Parse).ToLookup(a => a.AddressFamily);
        _four = [.. all[AddressFamily.InterNetwork]];
        _six = [.. all[AddressFamily.InterNetworkV6]];
    }

    /// <summary>Null leaves it to the system.</summary>
    public IPAddress? For(string site, AddressFamily family)
    {
        var addresses = family == AddressFamily.InterNetwork ? _four : _six;
        return addresses.Length == 0 ? null : addresses[(int)(StableHash(site) % (uint)addresses.Length)];
    }

    // The same on each node and after each start, unlike string.GetHashCode (FNV-1a).
    private static uint StableHash(string text)
    {
        var hash = 2166136261u;
        foreach (var c in text)
        {
            hash = (hash ^ c) * 16777619;
        }

        return hash;
    }
}
