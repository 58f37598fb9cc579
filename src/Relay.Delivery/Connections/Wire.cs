using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;

namespace Relay.Delivery.Connections;

/// <summary>
/// The octets of one connection, in clear or under TLS. Every wait has its deadline; after a failure of any kind
/// <see cref="Failure"/> says what it was, and the wire is of no more use.
/// </summary>
internal sealed class Wire : IDisposable
{
    private readonly Socket _socket;
    private readonly Deadline _deadline;
    private CancellationTokenRegistration _stop;
    private SslStream? _tls;

    private Wire(Socket socket, TimeProvider time)
    {
        _socket = socket;
        _deadline = new Deadline(time, socket.Dispose);
    }

    /// <summary>Why nothing works any more, for people; null while all is well.</summary>
    public string? Failure { get; private set; }

    /// <summary>What the system called it; null while all is well, and where it was not the system that failed.</summary>
    public SocketError? Error { get; private set; }

    /// <summary>Protocol and cipher; null in clear text.</summary>
    public string? Tls { get; private set; }

    /// <summary>TLS took up the session of an earlier connection, which spares both ends the certificate and its signature.</summary>
    public bool IsResumed { get; private set; }

    /// <summary>Our own address; null before there is a connection.</summary>
    public IPAddress? From { get; private set; }

    /// <summary>Something waits to be read, be it only the end: an idle connection in this state is dead.</summary>
    public bool HasInput
    {
        get
        {
            try
            {
                return _socket.Poll(0, SelectMode.SelectRead);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return true;
            }
        }
    }

    /// <summary>A wire to this place; when it cannot be had, one that has failed.</summary>
    /// <param name="socket">For a place of its family; the wire's from now on.</param>
    /// <param name="stop">Ends it at any time, whoever waits for what.</param>
    /// <param name="beaten">Ends the connecting, and means nothing afterwards.</param>
    public static async ValueTask<Wire> ConnectAsync(Socket socket, IPEndPoint place, IPAddress? source, TimeSpan timeout, TimeProvider time, CancellationToken stop, CancellationToken beaten = default)
    {
        var wire = new Wire(socket, time);
        wire._stop = stop.UnsafeRegister(static w => ((Wire)w!).Abort(), wire);
        try
        {
            if (source is not null)
            {
                LeavePortForLater(socket);
                socket.Bind(new IPEndPoint(source, 0));
            }

            wire._deadline.Arm(timeout);
            await socket.ConnectAsync(place, beaten);
            wire._deadline.Disarm();
            wire.From = (socket.LocalEndPoint as IPEndPoint)?.Address;
        }
        catch (Exception e) when (IsLoss(e) || e is OperationCanceledException)
        {
            wire.Fail(e, "connecting");
        }

        return wire;
    }

    /// <summary>
    /// Takes what has come: 0 at the end or after a failure. The time allowed runs from the first wait on, over any number of
    /// these, until <see cref="EndWait"/>: with a new time for each octet a remote that drips could hold us for days.
    /// </summary>
    public async ValueTask<int> ReceiveAsync(Memory<byte> buffer, TimeSpan timeout)
    {
        try
        {
            var receiving = _tls is null ? _socket.ReceiveAsync(buffer) : _tls.ReadAsync(buffer);
            int count;
            if (receiving.IsCompleted)
            {
                count = await receiving;
            }
            else
            {
                _deadline.Arm(timeout);
                count = await receiving;
            }

            if (count == 0)
            {
                Failure ??= "the remote closed the connection";
            }

            return count;
        }
        catch (Exception e) when (IsLoss(e))
        {
            Fail(e, "waiting for a reply");
            return 0;
        }
    }

    /// <summary>What was waited for is there.</summary>
    public void EndWait() => _deadline.Disarm();

    /// <summary>Hands it over, or as much of it as can be.</summary>
    public async ValueTask<Handed> SendAsync(ReadOnlyMemory<byte> octets, TimeSpan timeout)
    {
        // TLS does not tell how far it came. A socket that fails at once has taken nothing.
        var handed = _tls is null ? Handed.Nothing : Handed.Part;
        try
        {
            if (_tls is not null)
            {
                _deadline.Arm(timeout);
                await _tls.WriteAsync(octets);
                _deadline.Disarm();
                return Handed.All;
            }

            while (!octets.IsEmpty)
            {
                var sending = _socket.SendAsync(octets);
                int count;
                if (sending.IsCompleted)
                {
                    count = await sending;
                }
                else
                {
                    handed = Handed.Part;
                    _deadline.Arm(timeout);
                    count = await sending;
                    _deadline.Disarm();
                }

                handed = Handed.Part;
                octets = octets[count..];
            }

            return Handed.All;
        }
        catch (Exception e) when (IsLoss(e))
        {
            // The socket stays open: the remote's last words may still lie in it.
            Note(e, "sending");
            return handed;
        }
    }

    /// <summary>Puts TLS around what follows; false when that failed.</summary>
    public async ValueTask<bool> StartTlsAsync(SslClientAuthenticationOptions options, TimeSpan timeout)
    {
        try
        {
            _deadline.Arm(timeout);
            var stream = new HandshakeStream(_socket);
            _tls = new SslStream(stream);
            await _tls.AuthenticateAsClientAsync(options);
            _deadline.Disarm();
            IsResumed = stream.EndHandshake(_tls.RemoteCertificate);
            Tls = $"{NameOf(_tls.SslProtocol)} {_tls.NegotiatedCipherSuite}";
            return true;
        }
        catch (Exception e) when (IsLoss(e) || e is AuthenticationException or InvalidOperationException or CryptographicException)
        {
            Fail(e, "the TLS handshake");
            return false;
        }
    }

    public void Dispose()
    {
        _stop.Dispose();
        _deadline.Dispose();

        // Not the stream's own orderly end: it would write to a remote that may not read.
        _socket.Dispose();
        _tls?.Dispose();
    }

    // Linux would choose a port now, one that no connection of this address has, whatever host that goes to: some 28,000 in all.
    // Chosen when it connects, one port serves as many hosts as there are (ip(7), IP_BIND_ADDRESS_NO_PORT).
    private static void LeavePortForLater(Socket socket)
    {
        const int IpProtocol = 0;
        const int BindAddressNoPort = 24;
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        try
        {
            socket.SetRawSocketOption(IpProtocol, BindAddressNoPort, [1, 0, 0, 0]);
        }
        catch (SocketException)
        {
            // What passes for Linux need not know it.
        }
    }

    private void Abort()
    {
        Failure ??= "the relay is stopping";
        _socket.Dispose();
    }

    private void Fail(Exception e, string during)
    {
        Note(e, during);
        _socket.Dispose();
    }

    private void Note(Exception e, string during)
    {
        var code = _deadline.HasExpired ? null : (Innermost(e) as SocketException)?.SocketErrorCode;
        Error ??= code;
        Failure ??= _deadline.HasExpired ? $"timed out {during}"
            : code is { } error ? $"{Words(error)} {during}"
            : $"{Innermost(e).Message} ({during})";
    }

    private static bool IsLoss(Exception e) => e is IOException or SocketException or ObjectDisposedException;

    private static Exception Innermost(Exception e) => e.InnerException is { } inner ? Innermost(inner) : e;

    private static string Words(SocketError error) => error switch
    {
        SocketError.ConnectionRefused => "connection refused",
        SocketError.ConnectionReset or SocketError.Shutdown => "the remote reset the connection",
        SocketError.HostUnreachable or SocketError.NetworkUnreachable => "no way to the host",
        SocketError.AddressNotAvailable => "the source address is none of this machine",
        SocketError.TimedOut => "timed out",
        _ => $"{error}",
    };

    private static string NameOf(SslProtocols protocol) => protocol switch
    {
        SslProtocols.Tls13 => "TLS1.3",
        SslProtocols.Tls12 => "TLS1.2",
        _ => protocol.ToString(),
    };
}

/// <summary>How much of a flight the system took from us; the remote can have no more than that.</summary>
internal enum Handed
{
    All,

    /// <summary>It failed. Everything but the last octet may have gone.</summary>
    Part,

    /// <summary>It failed before anything had gone.</summary>
    Nothing,
}
