using System.Net;
using System.Net.Sockets;
using Relay.Redis.Connections;
using StackExchange.Redis;

namespace Relay.Tests.Redis.Connections;

public sealed class ClusterTunnelTests
{
    /// <summary>TCP_USER_TIMEOUT (RFC 5482), in milliseconds; without it the client waits for twenty seconds.</summary>
    [Fact]
    public async Task A_server_that_acknowledges_nothing_is_given_up_after_five_seconds()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the option is Linux's");
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await new ClusterTunnel().BeforeSocketConnectAsync(new IPEndPoint(IPAddress.Loopback, 1), ConnectionType.Interactive, socket, TestContext.Current.CancellationToken);
        var option = new byte[sizeof(int)];
        socket.GetRawSocketOption(6, 18, option);

        Assert.Equal(5_000, BitConverter.ToInt32(option));
    }

    [Fact]
    public async Task What_is_read_of_a_cluster_goes_on_in_the_pool()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(listener.LocalEndpoint, TestContext.Current.CancellationToken);
        await using var stream = await new ClusterTunnel().BeforeAuthenticateAsync(listener.LocalEndpoint, ConnectionType.Interactive, socket, TestContext.Current.CancellationToken);

        Assert.IsType<PooledReads>(stream);
    }
}
