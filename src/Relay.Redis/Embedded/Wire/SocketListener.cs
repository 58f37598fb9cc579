using System.Collections.Concurrent;
using System.Net.Sockets;
using Relay.Redis.Embedded.Execution;

namespace Relay.Redis.Embedded.Wire;

/// <summary>The socket at which clients arrive: a file in a folder that only this user may enter.</summary>
internal sealed class SocketListener : IAsyncDisposable
{
    private readonly string _folder;
    private readonly Socket _socket;
    private readonly Executor _executor;
    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentDictionary<long, (Connection Connection, Task Run)> _connections = [];
    private readonly Task _accepting;
    private long _lastId;

    public SocketListener(Executor executor)
    {
        _executor = executor;

        // The temporary folder is ours alone (mode 700), and its path short enough for a socket.
        _folder = Directory.CreateTempSubdirectory("relay-").FullName;
        EndPoint = new UnixDomainSocketEndPoint(Path.Combine(_folder, "store"));
        _socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            _socket.Bind(EndPoint);
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(Path.Combine(_folder, "store"), UnixFileMode.UserRead | UnixFileMode.UserWrite);
            }

            _socket.Listen();
        }
        catch
        {
            _socket.Dispose();
            Directory.Delete(_folder, recursive: true);
            throw;
        }

        _accepting = AcceptAsync();
    }

    public UnixDomainSocketEndPoint EndPoint { get; }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _socket.Dispose();
        await _accepting;
        await Task.WhenAll(_connections.Values.Select(c => c.Run));
        foreach (var (connection, _) in _connections.Values)
        {
            connection.End();
        }

        _stopping.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task AcceptAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                var socket = await _socket.AcceptAsync(_stopping.Token);
                var connection = new Connection(socket, _executor, ++_lastId);
                _connections[connection.Session.Id] = (connection, RunAsync(connection));
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
            {
                // A client that went before it was let in; or we stop.
            }
        }
    }

    private async Task RunAsync(Connection connection)
    {
        await Task.Yield();
        await connection.RunAsync(_stopping.Token);
        _connections.TryRemove(connection.Session.Id, out _);
    }
}
