using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Microsoft.Extensions.Options;

namespace Relay.Delivery.Routing;

/// <summary>
/// Which addresses an MX answer may lead to. Whoever may name a recipient's domain also chooses its MX; without this they
/// could make us speak to hosts inside, or to ourselves in a circle. Asked with the very address that is then connected to.
/// </summary>
internal sealed class AddressPolicy(IOptions<DeliveryOptions> options, OwnListeners listeners, TimeProvider time)
{
    private static readonly TimeSpan OwnAddressesKept = TimeSpan.FromMinutes(1);

    private static readonly (IPNetwork Network, string Kind)[] Internal =
    [
        (IPNetwork.Parse("0.0.0.0/8"), "unspecified"),
        (IPNetwork.Parse("10.0.0.0/8"), "private"),
        (IPNetwork.Parse("100.64.0.0/10"), "carrier-grade NAT"),
        (IPNetwork.Parse("127.0.0.0/8"), "loopback"),
        (IPNetwork.Parse("169.254.0.0/16"), "link-local"),
        (IPNetwork.Parse("172.16.0.0/12"), "private"),
        (IPNetwork.Parse("192.0.0.0/24"), "reserved"),
        (IPNetwork.Parse("192.0.2.0/24"), "reserved"),
        (IPNetwork.Parse("192.88.99.0/24"), "reserved"),
        (IPNetwork.Parse("192.168.0.0/16"), "private"),
        (IPNetwork.Parse("198.18.0.0/15"), "reserved"),
        (IPNetwork.Parse("198.51.100.0/24"), "reserved"),
        (IPNetwork.Parse("203.0.113.0/24"), "reserved"),
        (IPNetwork.Parse("224.0.0.0/4"), "multicast"),
        (IPNetwork.Parse("240.0.0.0/4"), "reserved"),
        (IPNetwork.Parse("::/128"), "unspecified"),
        (IPNetwork.Parse("::1/128"), "loopback"),
        (IPNetwork.Parse("64:ff9b:1::/48"), "private"),
        (IPNetwork.Parse("100::/64"), "reserved"),
        (IPNetwork.Parse("2001::/23"), "reserved"),
        (IPNetwork.Parse("2001:db8::/32"), "reserved"),
        (IPNetwork.Parse("3fff::/20"), "reserved"),
        (IPNetwork.Parse("5f00::/16"), "reserved"),
        (IPNetwork.Parse("fc00::/7"), "private"),
        (IPNetwork.Parse("fe80::/10"), "link-local"),
        (IPNetwork.Parse("fec0::/10"), "private"),
        (IPNetwork.Parse("ff00::/8"), "multicast"),
    ];

    private static readonly IPNetwork Nat64 = IPNetwork.Parse("64:ff9b::/96");
    private static readonly IPNetwork Compatible = IPNetwork.Parse("::/96");
    private static readonly IPNetwork SixToFour = IPNetwork.Parse("2002::/16");

    // Swapped whole: couriers of many sites ask at once.
    private volatile Own _own = new([], DateTimeOffset.MinValue);

    /// <summary>Why a connection to this place is refused; null when it is allowed.</summary>
    public AddressRefusal? Check(IPEndPoint place)
    {
        var address = Unwrap(place.Address);
        if ((IPAddress.IsLoopback(address) || IsOwn(address)) && listeners.Ports.Contains(place.Port))
        {
            return AddressRefusal.Loop(place);
        }

        if (options.Value.AllowPrivateDestinations)
        {
            return null;
        }

        return KindOf(address) is { } kind ? AddressRefusal.Internal(place, kind)
            : IsOwn(address) ? AddressRefusal.Loop(place)
            : null;
    }

    /// <summary>What makes an address unfit for mail from outside: <c>private</c>, <c>loopback</c>; null when nothing does.</summary>
    public static string? KindOf(IPAddress address)
    {
        address = Unwrap(address);
        foreach (var (network, kind) in Internal)
        {
            if (network.BaseAddress.AddressFamily == address.AddressFamily && network.Contains(address))
            {
                return kind;
            }
        }

        return null;
    }

    // An IPv4 address inside an IPv6 one is judged as what it is: mapped, compatible, NAT64, 6to4.
    private static IPAddress Unwrap(IPAddress address)
    {
        if (address.AddressFamily != AddressFamily.InterNetworkV6 || address.Equals(IPAddress.IPv6Any) || address.Equals(IPAddress.IPv6Loopback))
        {
            return address;
        }

        if (address.IsIPv4MappedToIPv6)
        {
            return address.MapToIPv4();
        }

        var octets = address.GetAddressBytes();
        return Nat64.Contains(address) || Compatible.Contains(address) ? new IPAddress(octets.AsSpan(12, 4))
            : SixToFour.Contains(address) ? new IPAddress(octets.AsSpan(2, 4))
            : address;
    }

    private bool IsOwn(IPAddress address)
    {
        var now = time.GetUtcNow();
        if (_own.Until <= now)
        {
            _own = new Own(OwnAddresses(), now + OwnAddressesKept);
        }

        return _own.Addresses.Contains(address);
    }

    private static HashSet<IPAddress> OwnAddresses()
    {
        try
        {
            return [.. NetworkInterface.GetAllNetworkInterfaces().SelectMany(i => i.GetIPProperties().UnicastAddresses).Select(a => a.Address)];
        }
        catch (NetworkInformationException)
        {
            return [];
        }
    }

    private sealed record Own(HashSet<IPAddress> Addresses, DateTimeOffset Until);
}

/// <param name="Status">5.4.4 or 5.4.6.</param>
internal sealed record AddressRefusal(string Status, string Words, string Rule)
{
    public static AddressRefusal Internal(IPEndPoint place, string kind) =>
        new("5.4.4", $"{place.Address} is a {kind} address; mail goes there only over a route", DeliveryRules.InternalAddress);

    public static AddressRefusal Loop(IPEndPoint place) =>
        new("5.4.6", $"{place} is this relay itself", DeliveryRules.OwnAddress);
}
