using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Relay.Mail.Accounts;

/// <summary>A network as people write it, <c>192.0.2.0/24</c> or <c>2001:db8::/32</c>; a single address is a network of one.</summary>
public sealed class AddressRange
{
    private AddressRange(IPNetwork network) => Network = network;

    public IPNetwork Network { get; }

    /// <summary>Bits behind the length may be set: they are cleared, as routers do.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out AddressRange? range)
    {
        range = null;
        var slash = text.IndexOf('/', StringComparison.Ordinal);

        // IPAddress takes "1" and "0x7f.1" for addresses; nobody who writes a list of networks means them.
        if (!IPAddress.TryParse(slash < 0 ? text : text.AsSpan(0, slash), out var address)
            || (address.AddressFamily == AddressFamily.InterNetwork && text.AsSpan(0, slash < 0 ? text.Length : slash).Count('.') != 3)
            || text.Contains('%', StringComparison.Ordinal))
        {
            return false;
        }

        var bits = address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128;
        var length = bits;
        if (slash >= 0 && (!int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out length) || length > bits))
        {
            return false;
        }

        // The same host has one name, however it comes in.
        if (address.IsIPv4MappedToIPv6)
        {
            if (length < 96)
            {
                return false;
            }

            (address, length) = (address.MapToIPv4(), length - 96);
        }

        range = new AddressRange(new IPNetwork(Masked(address, length), length));
        return true;
    }

    public bool Contains(IPAddress address) => Network.Contains(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address);

    public override string ToString() => Network.ToString();

    private static IPAddress Masked(IPAddress address, int length)
    {
        var octets = address.GetAddressBytes();
        for (var i = 0; i < octets.Length; i++)
        {
            var kept = Math.Clamp(length - (i * 8), 0, 8);
            octets[i] &= (byte)(0xff00 >> kept);
        }

        return new IPAddress(octets);
    }
}
