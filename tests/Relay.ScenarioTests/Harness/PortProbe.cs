using System.Net;
using System.Net.Sockets;
using Relay.TestKit;

namespace Relay.ScenarioTests.Harness;

internal static class PortProbe
{
    /// <summary>Waits until the server takes connections on its port.</summary>
    /// <param name="hasEnded">Then it never will.</param>
    /// <param name="words">What it said meanwhile.</param>
    public static Task UntilAnswersAsync(int port, Func<bool> hasEnded, Func<string> words, CancellationToken cancellation) => Poll.UntilAsync(
        async () =>
        {
            Assert.False(hasEnded(), $"the server ended while it started:\n{words()}");
            return await AnswersAsync(port);
        },
        cancellation,
        () => $"the server did not start:\n{words()}");

    /// <summary>Whether somebody takes connections on this port of the loopback.</summary>
    public static async Task<bool> AnswersAsync(int port)
    {
        try
        {
            using var socket = new TcpClient();
            await socket.ConnectAsync(IPAddress.Loopback, port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
