using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Relay.TestKit.Relays;

/// <summary>
/// Ports for programs that must know theirs beforehand, and that are free for as long as this process lives: a relay that was
/// killed finds its own again. Below the range from which the system picks ports itself, so that nobody's outgoing
/// connection takes one; each is given out once, and not to another test run on this machine either.
/// </summary>
internal static class FreePorts
{
    private const int Lowest = 20_000;
    private const int Highest = 32_000;
    private static readonly ConcurrentDictionary<int, FileStream> Taken = new();
    private static readonly string Locks = Directory.CreateDirectory(Path.Combine(RunFolder.Machine, "relay-test-ports")).FullName;

    public static int Next()
    {
        while (true)
        {
            var port = Random.Shared.Next(Lowest, Highest);
            if (!Taken.ContainsKey(port) && TryLock(port) is { } held)
            {
                if (Taken.TryAdd(port, held) && IsFree(port))
                {
                    return port;
                }
            }
        }
    }

    // Held until this process ends, whatever its end.
    private static FileStream? TryLock(int port)
    {
        try
        {
            return new FileStream(Path.Combine(Locks, port.ToString(System.Globalization.CultureInfo.InvariantCulture)), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static bool IsFree(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
