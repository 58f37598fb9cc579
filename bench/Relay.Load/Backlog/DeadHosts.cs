using System.Net;
using System.Net.Sockets;
using Relay.Load.Machine;
using Relay.Load.Targets;

namespace Relay.Load.Backlog;

internal enum DeadBy
{
    /// <summary>Nobody listens: each connection fails at once.</summary>
    Refused,

    /// <summary>Connections are neither taken nor refused: each one waits for its timeout.</summary>
    Silent,
}

/// <summary>
/// Destinations that are down, each an address of its own on loopback, and so a host, a site and a domain of its own:
/// <c>[127.1.0.0]</c> and on.
/// </summary>
internal sealed class DeadHosts : IDisposable
{
    // Where one address keeps silent, all share one listener on every address of loopback.
    private readonly Socket? _listener;
    private readonly List<Socket> _fill = [];

    public DeadHosts(DeadBy by)
    {
        if (by == DeadBy.Refused)
        {
            Port = Workspace.FreePort();
            return;
        }

        // A queue of one that nobody takes from: the kernel drops what comes when it is full.
        _listener = new Socket(SocketType.Stream, ProtocolType.Tcp);
        _listener.Bind(new IPEndPoint(IPAddress.Any, 0));
        _listener.Listen(0);
        Port = ((IPEndPoint)_listener.LocalEndPoint!).Port;
        for (var i = 0; i < 3; i++)
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
            _fill.Add(socket);
            try
            {
                socket.Connect(IPAddress.Loopback, Port);
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.WouldBlock or SocketError.InProgress)
            {
                // As meant: it may wait as long as it likes.
            }
        }
    }

    public int Port { get; }

    public static string Domain(int number) => $"[{LoopbackAddress.Of(number)}]";

    public void Dispose()
    {
        _fill.ForEach(socket => socket.Dispose());
        _listener?.Dispose();
    }
}
