using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Relay.TestKit.Redis;

/// <summary>
/// A redis-server that is not quite what it is: stands in front of a real one, calls itself another version, and has
/// single commands done in another way. What a newer server can do is so far only acted: the answer is the script's.
/// </summary>
public sealed class RedisShim : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stopping = new();
    private readonly RedisServer _server;
    private readonly Task _accepting;

    public RedisShim(RedisServer server)
    {
        _server = server;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public string ConnectionString => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");

    /// <summary>The version to show instead of the server's own; of the same length.</summary>
    public (string From, string To)? Version { get; set; }

    /// <summary>What is to be done instead of a command; null leaves it as it is. May be asked by many connections at once.</summary>
    public Func<string[], string[]?> Instead { get; set; } = _ => null;

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _listener.Dispose();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stopping.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            var client = await _listener.AcceptTcpClientAsync(_stopping.Token);
            _ = RelayAsync(client);
        }
    }

    private async Task RelayAsync(TcpClient client)
    {
        using (client)
        using (var server = new TcpClient { NoDelay = true })
        {
            client.NoDelay = true;
            try
            {
                await server.ConnectAsync(IPAddress.Loopback, _server.Port, _stopping.Token);
                await Task.WhenAny(RequestsAsync(client.GetStream(), server.GetStream()), AnswersAsync(server.GetStream(), client.GetStream()));
            }
            catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
            {
                // Either side went away, and so do we.
            }
        }
    }

    private async Task RequestsAsync(Stream client, Stream server)
    {
        using var reader = new StreamReader(client, Encoding.Latin1, leaveOpen: true);
        while (await ReadCommandAsync(reader) is { } command)
        {
            await server.WriteAsync(Write(Instead(command) ?? command), _stopping.Token);
        }
    }

    private async Task<string[]?> ReadCommandAsync(StreamReader reader)
    {
        if (await reader.ReadLineAsync(_stopping.Token) is not { Length: > 1 } count)
        {
            return null;
        }

        var command = new string[int.Parse(count.AsSpan(1), CultureInfo.InvariantCulture)];
        for (var i = 0; i < command.Length; i++)
        {
            var length = await reader.ReadLineAsync(_stopping.Token) ?? throw new IOException("cut in the middle of a command");
            var word = new char[int.Parse(length.AsSpan(1), CultureInfo.InvariantCulture) + 2];
            await reader.ReadBlockAsync(word, _stopping.Token);
            command[i] = new string(word, 0, word.Length - 2);
        }

        return command;
    }

    private static byte[] Write(string[] command)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"*{command.Length}\r\n");
        foreach (var word in command)
        {
            text.Append(CultureInfo.InvariantCulture, $"${word.Length}\r\n{word}\r\n");
        }

        return Encoding.Latin1.GetBytes(text.ToString());
    }

    // The version stands in one answer to one question, so never across two reads.
    private async Task AnswersAsync(Stream server, Stream client)
    {
        var buffer = new byte[1 << 16];
        while (await server.ReadAsync(buffer, _stopping.Token) is var count && count > 0)
        {
            if (Version is var (from, to))
            {
                var text = Encoding.Latin1.GetString(buffer, 0, count).Replace(from, to, StringComparison.Ordinal);
                await client.WriteAsync(Encoding.Latin1.GetBytes(text), _stopping.Token);
            }
            else
            {
                await client.WriteAsync(buffer.AsMemory(0, count), _stopping.Token);
            }
        }
    }
}
