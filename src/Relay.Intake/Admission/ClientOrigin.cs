using System.Net;
using System.Net.Sockets;

namespace Relay.Intake.Admission;

/// <summary>What counts as one client, where clients are counted.</summary>
internal static class ClientOrigin
{
    // A host with IPv6 has a whole network of addresses; the first 64 bits are what it cannot choose.
    public static IPAddress Of(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
        {
            return address.MapToIPv4();
        }

        if (address.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return address;
        }

        Span<byte> octets = stackalloc byte[16];
        address.TryWriteBytes(octets, out _);
        octets[8..].Clear();
        return new IPAddress(octets);
    }
}
