using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Relay.TestKit.Redis;

/// <summary>A port in front of a redis-server. Each connection to it gets one of its own to the server; what passes between the two is for who derives from it to say.</summary>
public abstract class RedisFront : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stopping = new();
    private readonly int _serverPort;
    private readonly Task _accepting;

    protected RedisFront(int serverPort)
    {
        _serverPort = serverPort;
        Stopping = _stopping.Token;
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _accepting = AcceptAsync();
    }

    public int Port { get; }

    public string ConnectionString => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{Port}");

    /// <summary>Ends what is under way when the front is disposed of.</summary>
    protected CancellationToken Stopping { get; }

    public virtual async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _listener.Dispose();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stopping.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Carries one connection; both are closed when this ends.</summary>
    protected abstract Task CarryAsync(TcpClient client, TcpClient server);

    /// <summary>A connection of its own to the server behind.</summary>
    protected async Task<TcpClient> ConnectAsync(CancellationToken cancellation)
    {
        var server = new TcpClient { NoDelay = true };
        try
        {
            await server.ConnectAsync(IPAddress.Loopback, _serverPort, cancellation);
            return server;
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            _ = ServeAsync(await _listener.AcceptTcpClientAsync(Stopping));
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                client.NoDelay = true;
                using var server = await ConnectAsync(Stopping);
                await CarryAsync(client, server);
            }
            catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
            {
                // Either side went away, and so do we.
            }
        }
    }
}
