using System.Net.Sockets;
using System.Text;

namespace Relay.ScenarioTests.Harness;

/// <summary>A client that says exactly what it is told over the listener without TLS, and logs in as real ones do.</summary>
internal sealed class Submitter : IAsyncDisposable
{
    private readonly TcpClient _socket = new();
    private Stream _stream = Stream.Null;
    private StreamReader _reader = StreamReader.Null;

    public static async Task<Submitter> ConnectAsync(RelayUnderTest relay, CancellationToken cancellation, string? key = null)
    {
        var submitter = new Submitter();
        await submitter._socket.ConnectAsync("127.0.0.1", relay.PlainPort, cancellation);
        submitter._stream = submitter._socket.GetStream();
        submitter._reader = new StreamReader(submitter._stream, Encoding.UTF8);
        await submitter.ReadReplyAsync(cancellation);
        await submitter.SayAsync("EHLO client.test", "250", cancellation);
        var login = Convert.ToBase64String(Encoding.UTF8.GetBytes($"\0anyone\0{key ?? relay.AdminKey}"));
        await submitter.SayAsync($"AUTH PLAIN {login}", "235", cancellation);
        return submitter;
    }

    /// <summary>Submits a content as it is, dots stuffed; the final reply.</summary>
    public async Task<string> SubmitAsync(string sender, IEnumerable<string> recipients, byte[] content, CancellationToken cancellation)
    {
        await SayAsync($"MAIL FROM:<{sender}> BODY=8BITMIME", "250", cancellation);
        foreach (var recipient in recipients)
        {
            await SayAsync($"RCPT TO:<{recipient}>", "250", cancellation);
        }

        await SayAsync("DATA", "354", cancellation);
        await _stream.WriteAsync(Stuff(content), cancellation);
        return await SayAsync(".", "250 2.0.0 Ok: queued as ", cancellation);
    }

    public async Task<string> SayAsync(string line, string expect, CancellationToken cancellation)
    {
        await _stream.WriteAsync(Encoding.UTF8.GetBytes(line + "\r\n"), cancellation);
        var reply = await ReadReplyAsync(cancellation);
        return reply.StartsWith(expect, StringComparison.Ordinal) ? reply : throw new IOException($"'{line}' was answered with '{reply}'");
    }

    public ValueTask DisposeAsync()
    {
        _socket.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>The last line of the next reply, asked for or not.</summary>
    public async Task<string> ReadReplyAsync(CancellationToken cancellation)
    {
        while (true)
        {
            var line = await _reader.ReadLineAsync(cancellation) ?? throw new IOException("the relay closed the connection");
            if (line.Length < 4 || line[3] != '-')
            {
                return line;
            }
        }
    }

    private static byte[] Stuff(byte[] content)
    {
        var wire = new MemoryStream(content.Length + 16);
        for (var i = 0; i < content.Length; i++)
        {
            if (content[i] == '.' && (i == 0 || content[i - 1] == '\n'))
            {
                wire.WriteByte((byte)'.');
            }

            wire.WriteByte(content[i]);
        }

        return wire.ToArray();
    }
}
