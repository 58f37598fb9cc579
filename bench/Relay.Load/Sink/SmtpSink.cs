using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using Relay.Load.Traffic;

namespace Relay.Load.Sink;

/// <summary>Takes every mail and keeps none; tells the current ledger what arrived. One blocking thread a connection.</summary>
internal sealed class SmtpSink : IDisposable
{
    private const int StackSize = 256 * 1024;

    private readonly Socket _listener;
    private readonly SinkOffers _offers;
    private readonly Lock _gate = new();
    private readonly HashSet<Socket> _open = [];
    private readonly BlockingCollection<Socket> _waiting = [];
    private int _idle;
    private Ledger? _ledger;
    private long _messages;
    private long _octets;
    private long _strays;
    private long _connections;
    private bool _stopped;

    private SmtpSink(Socket listener, SinkOffers offers)
    {
        _listener = listener;
        _offers = offers;
        new Thread(Accept, StackSize) { IsBackground = true, Name = "sink" }.Start();
    }

    public IPEndPoint Address => (IPEndPoint)_listener.LocalEndPoint!;

    public long Messages => Interlocked.Read(ref _messages);

    public long Octets => Interlocked.Read(ref _octets);

    /// <summary>Messages without a token, or of another phase: a double that came after its phase, or a bounce.</summary>
    public long Strays => Interlocked.Read(ref _strays);

    /// <summary>Connections taken since the start.</summary>
    public long Connections => Interlocked.Read(ref _connections);

    public static SmtpSink Listen(IPEndPoint address, SinkOffers offers)
    {
        var listener = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(address);
        listener.Listen(1024);
        return new(listener, offers);
    }

    /// <summary>From now on arrivals are noted here.</summary>
    public void Note(Ledger ledger) => Volatile.Write(ref _ledger, ledger);

    private void Accept()
    {
        try
        {
            while (true)
            {
                var socket = _listener.Accept();
                socket.NoDelay = true;
                Interlocked.Increment(ref _connections);
                lock (_gate)
                {
                    _open.Add(socket);
                }

                HandOver(socket);
            }
        }
        catch (Exception stopped) when (stopped is SocketException or InvalidOperationException && Volatile.Read(ref _stopped))
        {
            // Stopping is not an error.
        }
    }

    // A client that connects for each message would otherwise cost a thread and its buffers for each message.
    private void HandOver(Socket socket)
    {
        _waiting.Add(socket);
        if (Interlocked.Decrement(ref _idle) < 0)
        {
            Interlocked.Increment(ref _idle);
            new Thread(Work, StackSize) { IsBackground = true }.Start();
        }
    }

    private void Work()
    {
        var dialogue = new SinkDialogue(_offers, Arrive);
        foreach (var socket in _waiting.GetConsumingEnumerable())
        {
            Serve(socket, dialogue);
            Interlocked.Increment(ref _idle);
        }
    }

    private void Serve(Socket socket, SinkDialogue dialogue)
    {
        try
        {
            dialogue.Run(socket);
        }
        catch (Exception gone) when (gone is IOException or AuthenticationException or ObjectDisposedException)
        {
            // The client's connection, and its loss: what it had not finished does not count.
        }
        finally
        {
            lock (_gate)
            {
                _open.Remove(socket);
            }

            socket.Dispose();
        }
    }

    private void Arrive(LoadToken? token, long octets)
    {
        Interlocked.Increment(ref _messages);
        Interlocked.Add(ref _octets, octets);
        if (token is not { } known || Volatile.Read(ref _ledger)?.Arrive(known) != true)
        {
            Interlocked.Increment(ref _strays);
        }
    }

    public void Dispose()
    {
        Volatile.Write(ref _stopped, true);
        _listener.Dispose();
        _waiting.CompleteAdding();
        lock (_gate)
        {
            foreach (var socket in _open)
            {
                socket.Dispose();
            }
        }
    }
}
