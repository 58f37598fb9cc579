using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using Xunit;

namespace Relay.TestKit.Smtp;

/// <summary>A client that says exactly what a test tells it to, octet by octet, and checks each answer. No wait is endless.</summary>
public sealed class SmtpConversation : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Socket _socket;
    private readonly CancellationTokenSource _timeout;
    private readonly byte[] _buffer = new byte[16 * 1024];
    private Stream _stream;
    private int _start;
    private int _end;

    private SmtpConversation(Socket socket, CancellationTokenSource timeout)
    {
        _socket = socket;
        _timeout = timeout;
        _stream = new NetworkStream(socket, ownsSocket: true);
    }

    /// <summary>The address this end has.</summary>
    public IPEndPoint LocalEndPoint => (IPEndPoint)_socket.LocalEndPoint!;

    /// <summary>Connects and says nothing; the greeting is still to be read.</summary>
    public static async Task<SmtpConversation> ConnectAsync(IPEndPoint server, CancellationToken cancellation)
    {
        var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        timeout.CancelAfter(Patience);
        var socket = new Socket(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(server, timeout.Token);
        return new SmtpConversation(socket, timeout);
    }

    /// <summary>Connects, and shakes hands before anything is said (RFC 8314, 3.3).</summary>
    public static async Task<SmtpConversation> ConnectTlsAsync(IPEndPoint server, CancellationToken cancellation)
    {
        var conversation = await ConnectAsync(server, cancellation);
        await conversation.Encrypts();
        return conversation;
    }

    /// <summary>Sends a line with its CRLF and reads the reply, whose last line must begin as expected. Gives the whole reply.</summary>
    public async Task<string> Says(string line, string expect)
    {
        await SendsRaw(line + "\r\n");
        return await Expects(expect, line);
    }

    /// <summary>Sends what it is given and nothing else: a char is an octet.</summary>
    public Task SendsRaw(string octets) => SendsRaw(Encoding.Latin1.GetBytes(octets));

    public async Task SendsRaw(ReadOnlyMemory<byte> octets)
    {
        await _stream.WriteAsync(octets, _timeout.Token);
        await _stream.FlushAsync(_timeout.Token);
    }

    /// <summary>Reads one reply, whose last line must begin as expected. Gives the whole reply, lines joined by LF.</summary>
    public async Task<string> Expects(string expect, string? after = null)
    {
        var reply = await ReadReplyAsync();
        var last = reply[(reply.LastIndexOf('\n') + 1)..];
        Assert.True(last.StartsWith(expect, StringComparison.Ordinal), $"Expected '{expect}' after '{after}', but got '{reply}'.");
        return reply;
    }

    /// <summary>The server has nothing more to say and closes.</summary>
    public async Task ExpectsEnd()
    {
        try
        {
            Assert.Equal("", await ReadLineAsync() ?? "");
        }
        catch (IOException)
        {
            // A reset is an end too: the server had not read all we sent.
        }
    }

    /// <summary>Shakes hands as a client that takes any certificate.</summary>
    public async Task Encrypts()
    {
        var tls = new SslStream(_stream, leaveInnerStreamOpen: false, (_, _, _, _) => true);
        var options = new SslClientAuthenticationOptions { TargetHost = "localhost", EnabledSslProtocols = SslProtocols.None };
        await tls.AuthenticateAsClientAsync(options, _timeout.Token);
        _stream = tls;
    }

    /// <summary>Ends the TLS session and goes on in clear text on the same socket, as an attacker in between would.</summary>
    public async Task EndsTls()
    {
        await ((SslStream)_stream).ShutdownAsync();
        _stream = new NetworkStream(_socket, ownsSocket: true);
    }

    /// <summary>Sends no more, but goes on reading.</summary>
    public void StopsSending() => _socket.Shutdown(SocketShutdown.Send);

    /// <summary>Whether the server has said something that was not read yet. Looks, and does not wait.</summary>
    public bool HasMoreToRead => _end > _start || _socket.Available > 0;

    public async ValueTask DisposeAsync()
    {
        await _stream.DisposeAsync();
        _timeout.Dispose();
    }

    private async Task<string> ReadReplyAsync()
    {
        var reply = new StringBuilder();
        while (true)
        {
            var line = await ReadLineAsync() ?? throw new EndOfStreamException($"The server closed the connection after '{reply}'.");
            reply.Append(line);
            if (line.Length < 4 || line[3] != '-')
            {
                return reply.ToString();
            }

            reply.Append('\n');
        }
    }

    // Null at the end of the connection.
    private async Task<string?> ReadLineAsync()
    {
        var line = new StringBuilder();
        while (true)
        {
            var length = _buffer.AsSpan(_start, _end - _start).IndexOf((byte)'\n');
            if (length >= 0)
            {
                line.Append(Encoding.Latin1.GetString(_buffer, _start, length));
                _start += length + 1;
                return line.ToString().TrimEnd('\r');
            }

            line.Append(Encoding.Latin1.GetString(_buffer, _start, _end - _start));
            _start = 0;
            _end = await _stream.ReadAsync(_buffer, _timeout.Token);
            if (_end == 0)
            {
                return line.Length == 0 ? null : line.ToString();
            }
        }
    }
}
