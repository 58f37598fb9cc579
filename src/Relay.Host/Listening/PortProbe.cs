using System.Net;
using System.Net.Sockets;

namespace Relay.Host.Listening;

/// <summary>Asks the system for a port before Kestrel does, since Kestrel ends the whole start over one port and names no setting.</summary>
internal static class PortProbe
{
    /// <summary>Why nobody could listen there now; null when somebody could.</summary>
    public static string? Problem(IPEndPoint endPoint)
    {
        using var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(endPoint);
            socket.Listen();
            return null;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode switch
            {
                SocketError.AccessDenied => $"port {endPoint.Port} is privileged and this user may not bind it",
                SocketError.AddressAlreadyInUse => $"port {endPoint.Port} on {endPoint.Address} is in use by another program",
                SocketError.AddressNotAvailable => $"{endPoint.Address} is no address of this machine",
                _ => $"{endPoint} cannot be bound ({e.Message})",
            };
        }
    }
}
