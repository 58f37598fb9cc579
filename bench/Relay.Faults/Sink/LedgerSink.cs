using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Relay.Faults.Ledgers;

namespace Relay.Faults.Sink;

/// <summary>A mail server that takes what it is given, misbehaves as its mood says, and writes down what it took and what it answered.</summary>
internal sealed class LedgerSink : IAsyncDisposable
{
    private readonly Socket _listener;
    private readonly LedgerBook _book;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _accepting;
    private volatile SinkMood _mood;
    private volatile SigningKeys? _keys;
    private int _sessions;
    private int _open;
    private int _asked;

    private LedgerSink(string name, LedgerBook book, SinkMood mood, int port, X509Certificate2? certificate)
    {
        Name = name;
        _book = book;
        _mood = mood;
        Certificate = certificate;
        _listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, port));
        _listener.Listen(1024);
        Port = ((IPEndPoint)_listener.LocalEndPoint!).Port;
        _accepting = AcceptAsync();
    }

    public string Name { get; }

    public int Port { get; }

    /// <summary>Shown in STARTTLS; without one it is not offered.</summary>
    public X509Certificate2? Certificate { get; }

    /// <summary>From now on, for the sessions that are open too.</summary>
    public SinkMood Mood { get => _mood; set => _mood = value; }

    /// <summary>With what the mail that comes is signed; null where it is not looked at.</summary>
    public SigningKeys? Keys { get => _keys; set => _keys = value; }

    /// <summary>Sessions so far.</summary>
    public int Sessions => Volatile.Read(ref _sessions);

    /// <summary>Sessions at this moment.</summary>
    public int OpenSessions => Volatile.Read(ref _open);

    /// <summary>The most messages that it can have taken at this moment without the relay having heard of it.</summary>
    public int Unheard => OpenSessions * Mood.MessagesInFlight;

    public static LedgerSink Start(string name, LedgerBook book, SinkMood? mood = null, int port = 0, X509Certificate2? certificate = null) =>
        new(name, book, mood ?? SinkMood.Kind, port, certificate);

    /// <summary>Recipients that were asked for so far, whatever the answer.</summary>
    public int Asked => Volatile.Read(ref _asked);

    public void Heard() => Interlocked.Increment(ref _asked);

    public void Took(Arrival arrival) => _book.Add(arrival);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
        Certificate?.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            var socket = await _listener.AcceptAsync(_stop.Token);
            socket.NoDelay = true;
            _ = Task.Run(() => ServeAsync(socket));
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        Interlocked.Increment(ref _open);
        try
        {
            await using var session = new SinkSession(this, socket, Interlocked.Increment(ref _sessions));
            await session.RunAsync(_stop.Token);
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException or OperationCanceledException
            or System.Security.Authentication.AuthenticationException)
        {
            // The relay, or the run, has gone.
        }
        finally
        {
            Interlocked.Decrement(ref _open);
        }
    }
}
