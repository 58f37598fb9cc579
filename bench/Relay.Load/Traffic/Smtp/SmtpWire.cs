using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;

namespace Relay.Load.Traffic.Smtp;

/// <param name="Text">All lines; only for the replies of a greeting and for refusals, else empty.</param>
internal readonly record struct Reply(int Code, string Text);

/// <summary>A connection that speaks in replies.</summary>
internal sealed class SmtpWire : IDisposable
{
    private readonly byte[] _buffer = new byte[4096];
    private Stream _stream;
    private int _start;
    private int _end;

    private SmtpWire(Socket socket) => _stream = new NetworkStream(socket, ownsSocket: true);

    public static SmtpWire Connect(IPEndPoint address, TimeSpan timeout)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp)
        {
            NoDelay = true,
            ReceiveTimeout = (int)timeout.TotalMilliseconds,
            SendTimeout = (int)timeout.TotalMilliseconds,
        };

        try
        {
            socket.Connect(address);
            return new(socket);
        }
        catch (SocketException refused)
        {
            socket.Dispose();
            throw new IOException($"{address}: {refused.Message}", refused);
        }
    }

    // The certificate is the run's own, self-signed one: the handshake is measured, not trust.
    public void StartTls()
    {
        var tls = new SslStream(_stream, leaveInnerStreamOpen: false, (_, _, _, _) => true);
        _stream = tls;
        try
        {
            tls.AuthenticateAsClient("relay.load.test");
        }
        catch (AuthenticationException failed)
        {
            throw new IOException(failed.Message, failed);
        }
    }

    public Reply Say(ReadOnlySpan<byte> octets)
    {
        Write(octets);
        return ReadReply();
    }

    public void Write(ReadOnlySpan<byte> octets) => _stream.Write(octets);

    public Reply ReadReply()
    {
        for (var scanned = 0; ;)
        {
            var unread = _buffer.AsSpan(_start, _end - _start);
            if (LengthOfReply(unread, ref scanned) is var length and > 0)
            {
                _start += length;
                return Parse(unread[..length]);
            }

            Fill();
        }
    }

    /// <summary>Octets of the first reply with all its lines, 0 while it is incomplete.</summary>
    private static int LengthOfReply(ReadOnlySpan<byte> octets, ref int lineStart)
    {
        while (octets[lineStart..].IndexOf((byte)'\n') is var at and >= 0)
        {
            var isLast = at < 4 || octets[lineStart + 3] != (byte)'-';
            lineStart += at + 1;
            if (isLast)
            {
                return lineStart;
            }
        }

        return 0;
    }

    private static Reply Parse(ReadOnlySpan<byte> reply)
    {
        if (reply.Length < 3 || !int.TryParse(reply[..3], out var code))
        {
            throw new IOException($"not an SMTP reply: {Encoding.UTF8.GetString(reply)}");
        }

        // The two replies of every message carry no text anybody reads.
        var isPlain = code is 250 or 354 && reply.Count((byte)'\n') == 1;
        return new(code, isPlain ? "" : Encoding.UTF8.GetString(reply).TrimEnd());
    }

    private void Fill()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
        }

        var read = _end == _buffer.Length ? 0 : _stream.Read(_buffer.AsSpan(_end));
        if (read == 0)
        {
            throw new IOException(_end == _buffer.Length ? "reply too long" : "the server closed the connection");
        }

        _end += read;
    }

    public void Dispose() => _stream.Dispose();
}
