using System.Net;
using System.Net.Sockets;

namespace Relay.ScenarioTests.Harness;

internal static class PortProbe
{
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
