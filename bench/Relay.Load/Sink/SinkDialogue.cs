using System.Buffers.Text;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Relay.Load.Traffic;

namespace Relay.Load.Sink;

/// <summary>
/// The server side of one connection. Says yes to everything; replies to commands that came in one flight leave in one
/// flight. Looks at each octet of a message once, for the final dot. Serves one connection after another.
/// </summary>
internal sealed class SinkDialogue(SinkOffers offers, Action<LoadToken?, long> arrive)
{
    // Holds a message of the usual size whole, so that one search finds its end.
    private const int BufferSize = 64 * 1024;

    private readonly byte[] _buffer = new byte[BufferSize];
    private readonly byte[] _replies = new byte[4096];
    private Stream _stream = null!;
    private int _start;
    private int _end;
    private int _replyLength;
    private LoadToken? _token;
    private long _octets;

    private static ReadOnlySpan<byte> FinalDot => "\r\n.\r\n"u8;

    public void Run(Socket socket)
    {
        (_stream, _start, _end, _replyLength, _token, _octets) = (new NetworkStream(socket), 0, 0, 0, null, 0);
        Reply("220 sink.load.test ESMTP\r\n"u8);
        do
        {
            while (TryTakeLine(out var line))
            {
                if (!Answer(line))
                {
                    Flush();
                    return;
                }
            }

            Flush();
        }
        while (TryFill());
    }

    /// <summary>False when the client said QUIT or left in the middle of a message.</summary>
    private bool Answer(ReadOnlySpan<byte> line)
    {
        if (Is(line, "MAIL"u8) || Is(line, "RCPT"u8) || Is(line, "RSET"u8) || Is(line, "NOOP"u8))
        {
            Reply("250 2.0.0 Ok\r\n"u8);
        }
        else if (Is(line, "DATA"u8))
        {
            Reply("354 Go on\r\n"u8);
            return TryReadData();
        }
        else if (Is(line, "BDAT"u8))
        {
            return TryReadChunk(line[4..].Trim((byte)' '));
        }
        else if (Is(line, "EHLO"u8))
        {
            Reply("250-sink.load.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n"u8);
            Reply(offers.Chunking ? "250-CHUNKING\r\n"u8 : default);
            Reply(offers.Certificate is not null && _stream is not SslStream ? "250-STARTTLS\r\n"u8 : default);
            Reply("250 SIZE 104857600\r\n"u8);
        }
        else if (offers.Certificate is not null && Is(line, "STARTTLS"u8))
        {
            Reply("220 2.0.0 Go on\r\n"u8);
            Flush();
            var tls = new SslStream(_stream);
            tls.AuthenticateAsServer(offers.Certificate);
            _stream = tls;
        }
        else if (Is(line, "HELO"u8))
        {
            Reply("250 sink.load.test\r\n"u8);
        }
        else if (Is(line, "QUIT"u8))
        {
            Reply("221 2.0.0 Bye\r\n"u8);
            return false;
        }
        else
        {
            Reply("500 5.5.2 What?\r\n"u8);
        }

        return true;
    }

    private bool TryReadData()
    {
        Flush();

        // A body may begin with its final dot; the line end of DATA itself then stands before it.
        _start -= 2;
        var scanned = _start;
        while (true)
        {
            var at = _buffer.AsSpan(scanned, _end - scanned).IndexOf(FinalDot);
            if (at >= 0)
            {
                Take(scanned + at + FinalDot.Length - _start);
                Finish();
                return true;
            }

            scanned = Math.Max(_start, _end - FinalDot.Length + 1);
            if (_end - _start == BufferSize)
            {
                Take(scanned - _start);
            }

            // Filling moves what is not taken to the front.
            scanned -= _start;
            if (!TryFill())
            {
                return false;
            }
        }
    }

    private bool TryReadChunk(ReadOnlySpan<byte> arguments)
    {
        if (!Utf8Parser.TryParse(arguments, out long left, out var read))
        {
            Reply("501 5.5.4 Size?\r\n"u8);
            return false;
        }

        var isLast = arguments.Length > read;
        while (left > 0)
        {
            // As much as fits at once: the token must not be cut in two.
            var part = (int)Math.Min(left, BufferSize);
            while (_end - _start < part)
            {
                if (!TryFill())
                {
                    return false;
                }
            }

            Take(part);
            left -= part;
        }

        if (isLast)
        {
            Finish();
        }
        else
        {
            Reply("250 2.0.0 Ok\r\n"u8);
        }

        return true;
    }

    private void Take(int octets)
    {
        if (_token is null && LoadToken.TryFind(_buffer.AsSpan(_start, octets), out var token))
        {
            _token = token;
        }

        _octets += octets;
        _start += octets;
    }

    private void Finish()
    {
        arrive(_token, _octets);
        _token = null;
        _octets = 0;
        Reply("250 2.0.0 Ok: taken\r\n"u8);
    }

    private bool TryTakeLine(out ReadOnlySpan<byte> line)
    {
        var unread = _buffer.AsSpan(_start, _end - _start);
        var at = unread.IndexOf((byte)'\n');
        line = at < 0 ? default : unread[..at].TrimEnd((byte)'\r');
        _start += at + 1;
        return at >= 0;
    }

    private bool TryFill()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
        }

        var read = _end == BufferSize ? 0 : _stream.Read(_buffer.AsSpan(_end));
        _end += read;
        return read > 0;
    }

    private void Reply(ReadOnlySpan<byte> reply)
    {
        if (_replyLength + reply.Length > _replies.Length)
        {
            Flush();
        }

        reply.CopyTo(_replies.AsSpan(_replyLength));
        _replyLength += reply.Length;
    }

    private void Flush()
    {
        if (_replyLength > 0)
        {
            _stream.Write(_replies.AsSpan(0, _replyLength));
            _replyLength = 0;
        }
    }

    private static bool Is(ReadOnlySpan<byte> line, ReadOnlySpan<byte> verb) =>
        line.Length >= verb.Length && Ascii.EqualsIgnoreCase(line[..verb.Length], verb);
}
