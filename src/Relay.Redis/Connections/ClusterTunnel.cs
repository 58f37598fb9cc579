using System.Net;
using System.Net.Sockets;
using StackExchange.Redis;
using StackExchange.Redis.Configuration;

namespace Relay.Redis.Connections;

/// <summary>What the connections to the servers of a cluster need for a failover not to hold up everything else.</summary>
internal sealed class ClusterTunnel : Tunnel
{
    // Of the headers of Linux: IPPROTO_TCP and TCP_USER_TIMEOUT (RFC 5482).
    private const int Tcp = 6;
    private const int UserTimeout = 18;

    // A server that halts still has its kernel acknowledge what it is sent; only a machine or a network that is gone does not.
    private static readonly TimeSpan Unacknowledged = TimeSpan.FromSeconds(5);

    /// <summary>
    /// A machine that lost its power says nothing. The client would go on asking it for twenty seconds while its replica serves.
    /// Other systems than Linux have no such option, and wait.
    /// </summary>
    public override ValueTask BeforeSocketConnectAsync(EndPoint endPoint, ConnectionType connectionType, Socket? socket, CancellationToken cancellationToken)
    {
        if (OperatingSystem.IsLinux() && socket?.ProtocolType == ProtocolType.Tcp)
        {
            socket.SetRawSocketOption(Tcp, UserTimeout, BitConverter.GetBytes((int)Unacknowledged.TotalMilliseconds));
        }

        return ValueTask.CompletedTask;
    }

    public override ValueTask<Stream?> BeforeAuthenticateAsync(EndPoint endpoint, ConnectionType connectionType, Socket? socket, CancellationToken cancellationToken) =>
        ValueTask.FromResult<Stream?>(socket is null ? null : new PooledReads(new NetworkStream(socket)));
}
