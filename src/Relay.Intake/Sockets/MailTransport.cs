using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;

namespace Relay.Intake.Sockets;

/// <summary>
/// How Kestrel gets connections for the doors for mail: with the socket itself to read from and write to. Its own transport
/// puts a pipe and a loop between the two ends, each way; that is right for HTTP, where requests overlap, but in a dialogue
/// one side always waits for the other, and each hop from thread to thread costs as much as reading the octets.
/// </summary>
internal sealed class MailTransport(TimeProvider time) : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    // A burst of clients waits in the kernel and is not refused; it takes no more than net.core.somaxconn.
    private const int Backlog = 4096;

    public bool CanBind(EndPoint endpoint) => endpoint is MailEndPoint;

    /// <exception cref="AddressInUseException">Another program has it.</exception>
    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        try
        {
            var socket = SocketTransportOptions.CreateDefaultBoundListenSocket(endpoint);
            socket.Listen(Backlog);
            return ValueTask.FromResult<IConnectionListener>(new MailListener(socket, time));
        }
        catch (SocketException taken) when (taken.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            throw new AddressInUseException(taken.Message, taken);
        }
    }
}

/// <summary>Where the host asks for it.</summary>
public static class MailTransportServices
{
    /// <summary>Has Kestrel, added before, take connections for mail from a transport of their own.</summary>
    public static IWebHostBuilder UseMailTransport(this IWebHostBuilder web) =>
        web.ConfigureServices(services => services.AddSingleton<IConnectionListenerFactory, MailTransport>());
}
