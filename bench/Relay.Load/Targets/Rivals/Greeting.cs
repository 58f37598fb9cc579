using System.Net;
using System.Net.Sockets;

namespace Relay.Load.Targets.Rivals;

/// <summary>Whether a server is up: it greets with 220.</summary>
internal static class Greeting
{
    public static async Task<bool> ComesFromAsync(EndPoint address, CancellationToken cancellation)
    {
        try
        {
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(address, cancellation);
            var greeting = new byte[3];
            return await socket.ReceiveAsync(greeting, cancellation) > 0 && greeting.AsSpan().SequenceEqual("220"u8);
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
