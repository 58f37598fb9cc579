using System.Net;
using System.Net.Sockets;
using Relay.Mail;

namespace Relay.Delivery.Connections;

/// <summary>
/// Tells what this machine lacks itself from what is wrong with a host: sockets and files, local ports, a way to the network.
/// Whether the routing table leads anywhere is asked by connecting a datagram socket, which sends nothing.
/// </summary>
internal sealed class OwnMeans
{
    // One of each family that is nobody's own network: a root name server.
    private static readonly IPAddress[] World = [IPAddress.Parse("198.41.0.4"), IPAddress.Parse("2001:503:ba3e::2:30")];

    private volatile bool _hadWayOut;
    private volatile bool _needsNone;

    /// <summary>Sockets for mail stay below this number, so that what else the process opens finds room; for tests.</summary>
    public int Most { get; set; } = FileShares.Ours.Deliveries;

    /// <summary>Whether the routing table leads there; for tests.</summary>
    public Func<IPAddress, bool> HasWayTo { get; set; } = IsInTable;

    /// <summary>
    /// What lacks if this socket is used; null where there are files enough. The system gives out the lowest number that is free, so
    /// what has a high one shows that all below are in use.
    /// </summary>
    public OwnLack? Find(Socket made) =>
        OperatingSystem.IsLinux() && made.SafeHandle.DangerousGetHandle() >= Most ? OwnLack.OfFiles : null;

    /// <summary>Null where this machine is not to blame.</summary>
    /// <param name="source">Of ours; null where the system chooses.</param>
    public OwnLack? Find(SocketError error, IPEndPoint place, IPAddress? source) => error switch
    {
        SocketError.TooManyOpenSockets or SocketError.NoBufferSpaceAvailable => OwnLack.OfSockets(error),
        SocketError.AddressAlreadyInUse => OwnLack.OfPorts(place),

        // A family without an address here is told in the same way as one whose ports are all in use.
        SocketError.AddressNotAvailable when source is not null && !IsOurs(source) => null,
        SocketError.AddressNotAvailable => HasWayTo(place.Address) ? OwnLack.OfPorts(place) : OfWay(place.Address),

        // Routers on the way say so too, each of its own network.
        SocketError.NetworkUnreachable or SocketError.NetworkDown => HasWayTo(place.Address) ? null : OfWay(place.Address),
        _ => null,
    };

    /// <summary>The same of a question that could not be asked.</summary>
    public OwnLack? Find(Exception e) => e switch
    {
        SocketException { SocketErrorCode: var error and (SocketError.TooManyOpenSockets or SocketError.NoBufferSpaceAvailable) } => OwnLack.OfSockets(error),
        SocketException { SocketErrorCode: SocketError.NetworkUnreachable or SocketError.NetworkDown } when IsCutOff() => OwnLack.OfNetwork,
        { InnerException: { } inner } => Find(inner),
        _ => null,
    };

    /// <summary>A connection stands. Where one does without a way out, this machine serves networks of its own, and lacks none.</summary>
    public void Connected(IPAddress place)
    {
        if (!_hadWayOut && !IPAddress.IsLoopback(place))
        {
            _needsNone = !HasWayOut();
        }
    }

    // What it had once is what it lacks now, whatever networks of its own it has beside.
    private bool IsCutOff() => !HasWayOut() && (_hadWayOut || !_needsNone);

    private bool HasWayOut()
    {
        var has = Array.Exists(World, HasWayTo.Invoke);
        _hadWayOut |= has;
        return has;
    }

    // What only some addresses lack concerns the mail that goes there, and no other.
    private OwnLack OfWay(IPAddress address) =>
        IsCutOff() ? OwnLack.OfNetwork : new OwnLack($"this machine has no way to {address}", DeliveryRules.Unreachable, IsOfAll: false);

    private static bool IsInTable(IPAddress address) =>
        IsTaken(address.AddressFamily, socket => socket.Connect(new IPEndPoint(address, 53)));

    private static bool IsOurs(IPAddress source) =>
        IsTaken(source.AddressFamily, socket => socket.Bind(new IPEndPoint(source, 0)));

    // Anything else that goes wrong says nothing about the address.
    private static bool IsTaken(AddressFamily family, Action<Socket> use)
    {
        try
        {
            using var socket = new Socket(family, SocketType.Dgram, ProtocolType.Udp);
            use(socket);
            return true;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode is not (SocketError.NetworkUnreachable or SocketError.NetworkDown or SocketError.AddressNotAvailable or SocketError.AddressFamilyNotSupported);
        }
    }
}

/// <summary>Something that this machine lacks.</summary>
/// <param name="Words">For people.</param>
/// <param name="IsOfAll">Whatever mail it is for; else only mail to this place.</param>
internal sealed record OwnLack(string Words, string Rule, bool IsOfAll = true)
{
    /// <summary>It passes within moments, so that it is no attempt though it is of one place only.</summary>
    public bool IsBrief { get; init; }

    /// <summary>Before then it need not be tried whether it is over; null where a moment is enough.</summary>
    public DateTimeOffset? Until { get; init; }

    /// <summary>Why mail waits, for people.</summary>
    public string Waiting => Until is { } until ? $"{Words}, which is looked at again at {until:HH:mm:ss} UTC" : Words;

    public static readonly OwnLack OfFiles = new("this machine has no more files for connections than it keeps for everything else", DeliveryRules.NoSocket);

    public static readonly OwnLack OfNetwork = new("this machine has no way to the network", DeliveryRules.NoNetwork);

    // One port serves connections to as many places as there are: only towards this one are all in use.
    public static OwnLack OfPorts(IPEndPoint place) =>
        new($"this machine has no local port left towards {place}", DeliveryRules.NoSocket, IsOfAll: false) { IsBrief = true };

    // What is known of a domain or a host is good for mail to it all the same.
    public static OwnLack OfResolver(DateTimeOffset until) =>
        new("this node's resolver does not answer, neither for this name nor for any other", DeliveryRules.NoResolver, IsOfAll: false) { Until = until };

    public static OwnLack OfSockets(SocketError error) => new($"this machine has no socket left for it ({error})", DeliveryRules.NoSocket);
}
