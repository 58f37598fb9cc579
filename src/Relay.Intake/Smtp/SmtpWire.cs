using System.Buffers;
using System.IO.Pipelines;
using System.Net.Security;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Security.Authentication;
using Relay.Smtp.Commands;

namespace Relay.Intake.Smtp;

/// <summary>
/// One connection as octets: what has come and is not yet read, and what is said and not yet sent. Replies leave when
/// nothing more is there to read, so a pipelined group is answered in one flight (RFC 2920, 3.2).
/// </summary>
internal sealed class SmtpWire : IAsyncDisposable
{
    // Most mail is read at once, and so is a TLS record, which holds 16 KiB at most. Zero-byte reads let an idle connection hold no buffer at all.
    private static readonly StreamPipeReaderOptions Reading = new(bufferSize: 16 * 1024, minimumReadSize: 4 * 1024, useZeroByteReads: true);

    private readonly Socket _socket;
    private readonly NetworkStream _stream;
    private readonly LineReader _lines = new();
    private PipeReader _input;
    private PipeWriter _output;
    private SslStream? _tls;
    private ReadOnlySequence<byte> _unread;
    private ReadOnlySequence<byte> _line;
    private bool _isHeld;
    private bool _hasUnsent;

    public SmtpWire(Socket socket, DoorOptions limits, TimeProvider time, Action abort)
    {
        _socket = socket;
        _stream = new NetworkStream(socket, ownsSocket: false);
        _input = PipeReader.Create(_stream, Reading);
        _output = PipeWriter.Create(_stream);
        Patience = new Patience(limits, time, interrupt: () => _input.CancelPendingRead(), abort);
    }

    public Patience Patience { get; }

    /// <summary>Why nothing more is read; <see cref="WireEnd.None"/> while it goes on.</summary>
    public WireEnd End { get; private set; }

    public bool IsEncrypted => _tls is not null;

    /// <summary>Protocol and cipher suite, as written into the trace line; null in clear text.</summary>
    public string? Encryption { get; private set; }

    /// <summary>The line that <see cref="ReadLineAsync"/> found, without its CRLF; gone with the next read.</summary>
    public ref readonly ReadOnlySequence<byte> Line => ref _line;

    /// <summary>What has come and is not yet read. Who reads it puts the rest back.</summary>
    public ref ReadOnlySequence<byte> Unread => ref _unread;

    public void Write(ReadOnlySpan<byte> reply)
    {
        _output.Write(reply);
        _hasUnsent = true;
    }

    /// <summary>Whether anything has come behind what was read. Where a client has to wait for our answer, it must not have.</summary>
    public bool HasMore()
    {
        if (_unread.IsEmpty)
        {
            Release();
            if (_input.TryRead(out var result))
            {
                Hold(result.Buffer);
            }
        }

        // Inside TLS what lies in the socket may be a record of the protocol's own.
        return !_unread.IsEmpty || (_tls is null && _socket.Available > 0);
    }

    /// <summary>The next line; null when there will be none, see <see cref="End"/>.</summary>
    public ValueTask<LineRead?> ReadLineAsync(int limit)
    {
        var read = _lines.Read(ref _unread, limit, out _line);
        return read == LineRead.Incomplete ? AwaitLineAsync(limit) : new ValueTask<LineRead?>(read);
    }

    /// <summary>More of a content; false when there will be none, see <see cref="End"/>.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<bool> ReadContentAsync()
    {
        Patience.AwaitContent();
        var isMore = await FillAsync();
        Patience.GoOn(_unread.Length);
        return isMore;
    }

    /// <summary>Sends what was said. False when the client is gone.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<bool> FlushAsync()
    {
        if (!_hasUnsent)
        {
            return true;
        }

        _hasUnsent = false;
        try
        {
            if (!(await _output.FlushAsync()).IsCompleted)
            {
                return true;
            }
        }
        catch (Exception exception) when (IsBroken(exception))
        {
        }

        End = WireEnd.Closed;
        return false;
    }

    /// <summary>
    /// Goes on inside TLS. Nothing read so far survives: whoever slipped it in before the handshake was not the one who
    /// proved anything (RFC 3207, 4.2).
    /// </summary>
    /// <exception cref="AuthenticationException">The two could not agree.</exception>
    public async Task EncryptAsync(SslStreamCertificateContext certificate, CancellationToken cancellation)
    {
        _unread = _unread.Slice(_unread.End);
        _lines.Reset();
        Release();

        var tls = new SslStream(_stream, leaveInnerStreamOpen: true);
        var options = new SslServerAuthenticationOptions
        {
            ServerCertificateContext = certificate,
            // 1.2 and up (RFC 8997; RFC 8314, 4.1).
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            AllowRenegotiation = false,
        };

        try
        {
            await tls.AuthenticateAsServerAsync(options, cancellation);
        }
        catch
        {
            await tls.DisposeAsync();
            throw;
        }

        _tls = tls;
        _input = PipeReader.Create(tls, Reading);
        _output = PipeWriter.Create(tls);
        Encryption = $"{NameOf(tls.SslProtocol)} with cipher {tls.NegotiatedCipherSuite}";
    }

    /// <summary>Says the rest and, inside TLS, that this was all, so that nobody can pass off a cut connection as an end.</summary>
    public async Task CloseAsync()
    {
        Patience.AwaitCommand();
        if (await FlushAsync() && _tls is not null)
        {
            try
            {
                await _tls.ShutdownAsync();
            }
            catch (Exception exception) when (IsBroken(exception))
            {
                End = WireEnd.Closed;
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _input.CompleteAsync();
        if (_tls is not null)
        {
            await _tls.DisposeAsync();
        }
    }

    /// <summary>Whether an exception means that the other end is gone, rather than that we are wrong.</summary>
    public static bool IsBroken(Exception exception) => exception is IOException or OperationCanceledException or ObjectDisposedException;

    private async ValueTask<LineRead?> AwaitLineAsync(int limit)
    {
        var read = LineRead.Incomplete;
        // From here on the client owes a whole line; a drip of single octets gains it no time.
        var goesOn = Patience.AwaitCommand();
        if (!goesOn)
        {
            End = Patience.Verdict;
        }

        while (goesOn && read == LineRead.Incomplete)
        {
            goesOn = await FillAsync();
            if (goesOn)
            {
                read = _lines.Read(ref _unread, limit, out _line);
            }
        }

        Patience.GoOn();
        return goesOn ? read : null;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<bool> FillAsync()
    {
        if (!await FlushAsync())
        {
            return false;
        }

        try
        {
            while (true)
            {
                var before = _unread.Length;
                Release();
                var result = await _input.ReadAsync();
                Hold(result.Buffer);

                // First, since an interruption that arrives together with octets is not told a second time.
                if (Patience.Verdict is not WireEnd.None and var verdict)
                {
                    End = verdict;
                    return false;
                }

                if (_unread.Length > before)
                {
                    return true;
                }

                if (result.IsCompleted)
                {
                    break;
                }
            }
        }
        catch (Exception exception) when (IsBroken(exception))
        {
        }

        End = WireEnd.Closed;
        return false;
    }

    private void Hold(in ReadOnlySequence<byte> buffer)
    {
        _unread = buffer;
        _isHeld = true;
    }

    // Gives back what was read, and asks for more than is there.
    private void Release()
    {
        if (_isHeld)
        {
            _input.AdvanceTo(_unread.Start, _unread.End);
            _unread = default;
            _isHeld = false;
        }
    }

    private static string NameOf(SslProtocols protocol) => protocol == SslProtocols.Tls13 ? "TLSv1.3" : "TLSv1.2";
}
