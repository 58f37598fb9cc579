using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Relay.TestKit.Redis;

/// <summary>
/// A redis-server that is not quite what it is: stands in front of a real one, calls itself another version, and has
/// single commands done in another way. What a newer server can do is so far only acted: the answer is the script's.
/// </summary>
public sealed class RedisShim(RedisServer server) : RedisFront(server.Port)
{
    /// <summary>The version to show instead of the server's own; of the same length.</summary>
    public (string From, string To)? Version { get; set; }

    /// <summary>What is to be done instead of a command; null leaves it as it is. May be asked by many connections at once.</summary>
    public Func<string[], string[]?> Instead { get; set; } = _ => null;

    protected override Task CarryAsync(TcpClient client, TcpClient server) =>
        Task.WhenAny(RequestsAsync(client.GetStream(), server.GetStream()), AnswersAsync(server.GetStream(), client.GetStream()));

    private async Task RequestsAsync(Stream client, Stream server)
    {
        using var reader = new StreamReader(client, Encoding.Latin1, leaveOpen: true);
        while (await ReadCommandAsync(reader) is { } command)
        {
            await server.WriteAsync(Write(Instead(command) ?? command), Stopping);
        }
    }

    private async Task<string[]?> ReadCommandAsync(StreamReader reader)
    {
        if (await reader.ReadLineAsync(Stopping) is not { Length: > 1 } count)
        {
            return null;
        }

        var command = new string[int.Parse(count.AsSpan(1), CultureInfo.InvariantCulture)];
        for (var i = 0; i < command.Length; i++)
        {
            var length = await reader.ReadLineAsync(Stopping) ?? throw new IOException("cut in the middle of a command");
            var word = new char[int.Parse(length.AsSpan(1), CultureInfo.InvariantCulture) + 2];
            await reader.ReadBlockAsync(word, Stopping);
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
        while (await server.ReadAsync(buffer, Stopping) is var count && count > 0)
        {
            if (Version is var (from, to))
            {
                var text = Encoding.Latin1.GetString(buffer, 0, count).Replace(from, to, StringComparison.Ordinal);
                await client.WriteAsync(Encoding.Latin1.GetBytes(text), Stopping);
            }
            else
            {
                await client.WriteAsync(buffer.AsMemory(0, count), Stopping);
            }
        }
    }
}
