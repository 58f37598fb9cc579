using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Relay.Tests.Redis.Embedded;

/// <summary>Speaks the protocol of Redis octet by octet, and tells replies as text: what a client library would make of them is not the question.</summary>
internal sealed class RawClient : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Socket _socket;
    private byte[] _octets = new byte[4096];
    private int _start;
    private int _end;

    private RawClient(Socket socket) => _socket = socket;

    public static async Task<RawClient> ConnectAsync(EndPoint endPoint, CancellationToken cancellation)
    {
        var socket = endPoint is UnixDomainSocketEndPoint
            ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
            : new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(endPoint, cancellation);
        return new RawClient(socket);
    }

    public async Task<string> AskAsync(CancellationToken cancellation, params string[] words)
    {
        await SendAsync(Command(words), cancellation);
        return await ReadAsync(cancellation);
    }

    public async Task SendAsync(ReadOnlyMemory<byte> octets, CancellationToken cancellation)
    {
        while (octets.Length > 0)
        {
            octets = octets[await _socket.SendAsync(octets, SocketFlags.None, cancellation)..];
        }
    }

    /// <summary>A command in octets; each character is one.</summary>
    public static byte[] Command(params string[] words) =>
        Encoding.Latin1.GetBytes($"*{words.Length}\r\n{string.Concat(words.Select(w => $"${w.Length}\r\n{w}\r\n"))}");

    /// <summary>The next reply; arrays in brackets.</summary>
    public async Task<string> ReadAsync(CancellationToken cancellation)
    {
        var line = await ReadLineAsync(cancellation);
        switch (line[0])
        {
            case '$' when line == "$-1":
                return "nil";
            case '$':
                var length = int.Parse(line.AsSpan(1), CultureInfo.InvariantCulture);
                while (_end - _start < length + 2)
                {
                    await FillAsync(cancellation);
                }

                var text = Encoding.Latin1.GetString(_octets, _start, length);
                _start += length + 2;
                return $"\"{text}\"";
            case '*' when line == "*-1":
                return "nil-array";
            case '*':
                var items = new string[int.Parse(line.AsSpan(1), CultureInfo.InvariantCulture)];
                for (var i = 0; i < items.Length; i++)
                {
                    items[i] = await ReadAsync(cancellation);
                }

                return $"[{string.Join(' ', items)}]";
            default:
                return line;
        }
    }

    /// <summary>Whether the server closed the connection.</summary>
    public async Task<bool> IsClosedAsync(CancellationToken cancellation)
    {
        try
        {
            return _start == _end && await _socket.ReceiveAsync(_octets, SocketFlags.None, cancellation).AsTask().WaitAsync(Patience, cancellation) == 0;
        }
        catch (SocketException)
        {
            return true;
        }
    }

    public void Dispose() => _socket.Dispose();

    private async Task<string> ReadLineAsync(CancellationToken cancellation)
    {
        while (true)
        {
            var end = _octets.AsSpan(_start, _end - _start).IndexOf("\r\n"u8);
            if (end >= 0)
            {
                var line = Encoding.Latin1.GetString(_octets, _start, end);
                _start += end + 2;
                return line;
            }

            await FillAsync(cancellation);
        }
    }

    private async Task FillAsync(CancellationToken cancellation)
    {
        if (_end == _octets.Length)
        {
            var larger = _start > _octets.Length / 2 ? _octets : new byte[_octets.Length * 2];
            _octets.AsSpan(_start, _end - _start).CopyTo(larger);
            (_octets, _end, _start) = (larger, _end - _start, 0);
        }

        var read = await _socket.ReceiveAsync(_octets.AsMemory(_end), SocketFlags.None, cancellation).AsTask().WaitAsync(Patience, cancellation);
        _end += read > 0 ? read : throw new EndOfStreamException("the server closed the connection");
    }
}
