using System.Net;
using System.Net.Sockets;
using Relay.Load.Machine;

namespace Relay.Load.Targets;

/// <summary>A private redis-server on loopback, set as a file says but for when its log is flushed.</summary>
internal sealed class RedisServer : IAsyncDisposable
{
    private static readonly TimeSpan StartTime = TimeSpan.FromSeconds(15);

    private readonly ChildProcess _process;

    private RedisServer(ChildProcess process, int port) => (_process, Port) = (process, port);

    public int Port { get; }

    public int Process => _process.Id;

    public ProcessCost Cost => ProcessCost.Of(_process.Id);

    /// <param name="fsync">Redis's <c>appendfsync</c>: always or everysec.</param>
    /// <param name="settings">A file of settings; null for Redis's defaults.</param>
    public static async Task<RedisServer> StartAsync(Workspace workspace, string name, string fsync, string? settings, CancellationToken cancellation)
    {
        var port = Workspace.FreePort();
        string[] file = settings is null ? [] : [settings];
        var process = ChildProcess.Start(workspace.File($"{name}.log"), "redis-server",
            [.. file, "--port", $"{port}", "--bind", "127.0.0.1", "--dir", workspace.Folder(name), "--save", "",
            "--appendonly", "yes", "--appendfsync", fsync, "--maxmemory-policy", "noeviction"]);

        var server = new RedisServer(process, port);
        try
        {
            await process.UntilAsync(server.AnswersAsync, StartTime, cancellation);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    private async Task<bool> AnswersAsync(CancellationToken cancellation)
    {
        try
        {
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(IPAddress.Loopback, Port, cancellation);
            await socket.SendAsync("PING\r\n"u8.ToArray(), cancellation);
            var answer = new byte[16];
            var read = await socket.ReceiveAsync(answer, cancellation);
            return answer.AsSpan(0, read).StartsWith("+PONG"u8);
        }
        catch (SocketException)
        {
            return false;
        }
    }

    public async Task<StoreWork> ReadWorkAsync(CancellationToken cancellation)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, Port, cancellation);
        await socket.SendAsync("INFO everything\r\n"u8.ToArray(), cancellation);

        // $LENGTH, a line end, and so many octets.
        var answer = new List<byte>();
        var buffer = new byte[16 * 1024];
        for (var length = int.MaxValue; answer.Count < length;)
        {
            var read = await socket.ReceiveAsync(buffer, cancellation);
            if (read == 0)
            {
                throw new IOException("redis-server closed in the middle of INFO");
            }

            answer.AddRange(buffer.AsSpan(0, read));
            var lineEnd = answer.IndexOf((byte)'\n');
            if (lineEnd > 0)
            {
                var digits = System.Text.Encoding.ASCII.GetString([.. answer[1..lineEnd]]);
                length = lineEnd + 1 + int.Parse(digits, System.Globalization.CultureInfo.InvariantCulture);
            }
        }

        return StoreWork.Parse(System.Text.Encoding.UTF8.GetString([.. answer])) with { Log = ProcessCost.WrittenBy(_process.Id) };
    }

    public ValueTask DisposeAsync() => _process.DisposeAsync();
}
