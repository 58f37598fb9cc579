using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Relay.TestKit.Redis;

/// <summary>Asks a server one thing at a time in its own language, so that a test sees it as it is and not as a client library does.</summary>
public sealed class RespClient : IDisposable
{
    private readonly TcpClient _socket = new() { NoDelay = true };
    private StreamReader _reader = StreamReader.Null;

    public static async Task<RespClient> ConnectAsync(int port, CancellationToken cancellation)
    {
        var client = new RespClient();
        try
        {
            await client._socket.ConnectAsync(IPAddress.Loopback, port, cancellation);
            client._reader = new StreamReader(client._socket.GetStream(), Encoding.Latin1);
            return client;
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }

    /// <summary>One question over a connection of its own.</summary>
    public static async Task<string> AskAsync(int port, CancellationToken cancellation, params string[] words)
    {
        using var client = await ConnectAsync(port, cancellation);
        return await client.AskAsync(cancellation, words);
    }

    /// <summary>The answer as text; the parts of an array one a line, nothing for a null.</summary>
    /// <exception cref="InvalidOperationException">The server answered with an error.</exception>
    public async Task<string> AskAsync(CancellationToken cancellation, params string[] words)
    {
        var request = new StringBuilder(string.Create(CultureInfo.InvariantCulture, $"*{words.Length}\r\n"));
        foreach (var word in words)
        {
            request.Append(CultureInfo.InvariantCulture, $"${Encoding.Latin1.GetByteCount(word)}\r\n{word}\r\n");
        }

        await _socket.GetStream().WriteAsync(Encoding.Latin1.GetBytes(request.ToString()), cancellation);
        return await ReadAsync(cancellation);
    }

    public void Dispose()
    {
        _reader.Dispose();
        _socket.Dispose();
    }

    private async Task<string> ReadAsync(CancellationToken cancellation)
    {
        var line = await _reader.ReadLineAsync(cancellation) ?? throw new IOException("the server closed the connection");
        switch (line[0])
        {
            case '-':
                throw new InvalidOperationException(line[1..]);
            case '$' when Length(line) >= 0:
                var text = new char[Length(line) + 2];
                return await _reader.ReadBlockAsync(text, cancellation) == text.Length
                    ? new string(text, 0, text.Length - 2)
                    : throw new IOException("the server closed the connection in the middle of an answer");
            case '*' when Length(line) >= 0:
                var parts = new List<string>();
                for (var i = Length(line); i > 0; i--)
                {
                    parts.Add(await ReadAsync(cancellation));
                }

                return string.Join('\n', parts);
            case '$' or '*':
                return "";
            default:
                return line[1..];
        }
    }

    private static int Length(string line) => int.Parse(line.AsSpan(1), CultureInfo.InvariantCulture);
}
