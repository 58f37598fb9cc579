using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;

namespace Relay.Intake.Sockets;

/// <summary>One accepted connection. Who serves it reads and writes <see cref="Socket"/>; there are no pipes.</summary>
internal sealed class MailConnection : ConnectionContext
{
    // What a client still had on the way when we ended the dialogue: read and forgotten, for a while. A close with octets
    // unread is a reset, and a reset takes our last words from the client before it has read them.
    private const int LingerOctets = 1024 * 1024;
    private static readonly TimeSpan LingerTime = TimeSpan.FromSeconds(1);

    private static long _lastId;

    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _closed = new();
    private string? _id;
    private IDictionary<object, object?>? _items;

    public MailConnection(Socket socket, TimeProvider time)
    {
        _time = time;
        Socket = socket;
        socket.NoDelay = true;
        LocalEndPoint = socket.LocalEndPoint;
        RemoteEndPoint = socket.RemoteEndPoint;
        ConnectionClosed = _closed.Token;
    }

    public Socket Socket { get; }

    public override string ConnectionId
    {
        get => _id ??= Interlocked.Increment(ref _lastId).ToString("x8", CultureInfo.InvariantCulture);
        set => _id = value;
    }

    public override IFeatureCollection Features { get; } = new FeatureCollection();

    public override IDictionary<object, object?> Items
    {
        get => _items ??= new ConnectionItems();
        set => _items = value;
    }

    public override IDuplexPipe Transport
    {
        get => throw new NotSupportedException("mail is read from the socket itself");
        set => throw new UnreachableException();
    }

    /// <summary>Cuts it, whoever waits for what.</summary>
    public override void Abort(ConnectionAbortedException abortReason)
    {
        _closed.Cancel();
        Socket.Dispose();
    }

    /// <summary>Says the end, and lets the client read what was said before it.</summary>
    public override async ValueTask DisposeAsync()
    {
        try
        {
            Socket.Shutdown(SocketShutdown.Send);
            await LingerAsync();
        }
        catch (Exception gone) when (gone is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // It ended first, or lingered too long.
        }

        Socket.Dispose();
        await _closed.CancelAsync();
    }

    private async Task LingerAsync()
    {
        var buffer = ArrayPool<byte>.Shared.Rent(4 * 1024);
        try
        {
            using var timeout = new CancellationTokenSource(LingerTime, _time);
            for (var octets = 0; octets < LingerOctets;)
            {
                var count = await Socket.ReceiveAsync(buffer, timeout.Token);
                if (count == 0)
                {
                    return;
                }

                octets += count;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
