using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;

namespace Relay.Intake.Sockets;

/// <summary>Takes connections off one listening socket until it is closed.</summary>
internal sealed class MailListener(Socket listening, TimeProvider time) : IConnectionListener
{
    // While no file handle is free each accept fails at once; sessions that end meanwhile give theirs back.
    private static readonly TimeSpan UntilHandlesAreFree = TimeSpan.FromMilliseconds(100);

    // Asked for later it would throw: the socket is closed by then.
    private readonly EndPoint _place = listening.LocalEndPoint!;

    public EndPoint EndPoint => _place;

    /// <summary>The next connection; null when there will be none.</summary>
    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (true)
        {
            try
            {
                var socket = await listening.AcceptAsync(cancellationToken);
                return new MailConnection(socket, time);
            }
            catch (Exception closed) when (closed is ObjectDisposedException or SocketException { SocketErrorCode: SocketError.OperationAborted })
            {
                return null;
            }
            catch (SocketException exhausted) when (exhausted.SocketErrorCode is SocketError.TooManyOpenSockets or SocketError.NoBufferSpaceAvailable)
            {
                await Task.Delay(UntilHandlesAreFree, time, cancellationToken);
            }
            catch (SocketException)
            {
                // Gone while it waited to be accepted.
            }
        }
    }

    public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        listening.Dispose();
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync() => UnbindAsync();
}
