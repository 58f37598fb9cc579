using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;

namespace Relay.Load.Distance;

/// <summary>
/// A long line to the sink: takes connections in its place and lets every octet travel for half a round trip, each way, with
/// all the room it wants. Opening a connection costs what it costs over such a line: one round trip until the client may speak,
/// and half of one more until the server hears that. The line never loses anything, and its ends feel no slow start: a kernel
/// with <c>netem</c> can do that, many have none.
/// </summary>
internal sealed class DelayLine : IDisposable
{
    private const int BufferSize = 64 * 1024;

    private readonly Socket _listener = new(SocketType.Stream, ProtocolType.Tcp);
    private readonly CancellationTokenSource _end = new();
    private readonly IPEndPoint _far;
    private readonly TimeSpan _oneWay;

    private DelayLine(IPEndPoint far, TimeSpan roundTrip)
    {
        (_far, _oneWay) = (far, roundTrip / 2);
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen(1024);
        _ = AcceptAsync();
    }

    /// <summary>The near end.</summary>
    public IPEndPoint Address => (IPEndPoint)_listener.LocalEndPoint!;

    public static DelayLine To(IPEndPoint far, TimeSpan roundTrip) => new(far, roundTrip);

    public void Dispose()
    {
        _end.Cancel();
        _listener.Dispose();
        _end.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = CarryAsync(await _listener.AcceptAsync(_end.Token));
            }
        }
        catch (Exception ended) when (ended is OperationCanceledException or ObjectDisposedException)
        {
            // The run is over.
        }
    }

    private async Task CarryAsync(Socket near)
    {
        using var far = new Socket(SocketType.Stream, ProtocolType.Tcp);
        using (near)
        {
            try
            {
                // SYN there, its answer back, and the client's word that it has come, there again.
                near.NoDelay = far.NoDelay = true;
                await Task.Delay(_oneWay * 3, _end.Token);
                await far.ConnectAsync(_far, _end.Token);
                await Task.WhenAll(CarryAsync(near, far), CarryAsync(far, near));
            }
            catch (Exception gone) when (gone is SocketException or OperationCanceledException or ObjectDisposedException)
            {
                // One of the ends has gone, or the run is over.
            }
        }
    }

    // What was sent together arrives together, and in order; the end of one direction travels like its octets.
    private async Task CarryAsync(Socket from, Socket to)
    {
        var onTheWay = Channel.CreateUnbounded<(long Due, byte[] Octets)>(new() { SingleReader = true, SingleWriter = true });
        var arriving = ArriveAsync(onTheWay.Reader, to);
        var buffer = new byte[BufferSize];
        int count;
        do
        {
            count = await from.ReceiveAsync(buffer, _end.Token);
            onTheWay.Writer.TryWrite((Stopwatch.GetTimestamp() + (long)(_oneWay.TotalSeconds * Stopwatch.Frequency), buffer[..count]));
        }
        while (count > 0);

        onTheWay.Writer.Complete();
        await arriving;
    }

    private async Task ArriveAsync(ChannelReader<(long Due, byte[] Octets)> onTheWay, Socket to)
    {
        await foreach (var (due, octets) in onTheWay.ReadAllAsync(_end.Token))
        {
            var left = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), due);
            if (left > TimeSpan.Zero)
            {
                await Task.Delay(left, _end.Token);
            }

            if (octets.Length == 0)
            {
                to.Shutdown(SocketShutdown.Send);
                return;
            }

            await to.SendAsync(octets, _end.Token);
        }
    }
}
