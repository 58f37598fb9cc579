using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Relay.TestKit.Relays;

namespace Relay.TestKit.Redis;

/// <summary>
/// A private redis-server on a free loopback port with its own folder: append-only file on, nothing ever evicted. It can
/// be killed, paused, and started again on the same port and folder.
/// </summary>
public sealed class RedisServer : IAsyncDisposable
{
    private readonly string _program;
    private readonly string[] _settings;
    private Process? _process;

    private RedisServer(string program, int port, string folder, string[] settings)
    {
        _program = program;
        Port = port;
        Folder = folder;
        _settings = settings;
    }

    public int Port { get; }

    public string Folder { get; }

    /// <summary>What goes into <c>Relay:Redis</c>.</summary>
    public string ConnectionString => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"127.0.0.1:{Port}");

    /// <summary>At which it speaks TLS; null where it does not (<see cref="RedisTls"/>).</summary>
    public int? TlsPort => Array.IndexOf(_settings, "--tls-port") is >= 0 and var at ? int.Parse(_settings[at + 1], System.Globalization.CultureInfo.InvariantCulture) : null;

    public bool IsRunning => _process is { HasExited: false };

    public int ProcessId => _process?.Id ?? throw new InvalidOperationException("redis-server is not running");

    /// <summary>Starts a server, or skips the test where redis-server is missing.</summary>
    /// <param name="appendFsync"><c>always</c> or <c>everysec</c>.</param>
    /// <param name="settings">Further settings, each as on the command line: <c>"--maxmemory", "20mb"</c>.</param>
    public static Task<RedisServer> StartAsync(CancellationToken cancellation, string appendFsync = "always", params string[] settings) =>
        StartAsync(cancellation, appendFsync, () => settings);

    /// <param name="settings">Asked for anew at each try, since they may hold a port.</param>
    internal static async Task<RedisServer> StartAsync(CancellationToken cancellation, string appendFsync, Func<string[]> settings)
    {
        var program = RealParts.Require("redis-server");
        var folder = Directory.CreateTempSubdirectory("relay-redis-").FullName;

        // A port found free may be taken before the server binds it; then another one is tried.
        for (var attempt = 1; ; attempt++)
        {
            var server = new RedisServer(program, FreePorts.Next(), folder, ["--appendfsync", appendFsync, .. settings()]);
            try
            {
                await server.StartAgainAsync(cancellation);
                return server;
            }
            catch (IOException) when (attempt < 5)
            {
            }
            catch
            {
                await server.DisposeAsync();
                throw;
            }
        }
    }

    /// <summary>Asks the server itself, past any client library: <c>"CONFIG", "SET", "maxmemory", "20mb"</c>.</summary>
    public Task<string> AskAsync(CancellationToken cancellation, params string[] words) => RespClient.AskAsync(Port, cancellation, words);

    /// <summary>
    /// Waits until so many replicas have all that this server has taken until now. WAIT would not do: it speaks of what its own
    /// connection wrote, which is nothing here.
    /// </summary>
    public async Task WaitForReplicasAsync(CancellationToken cancellation, int replicas = 1)
    {
        var written = OffsetsOf(await AskAsync(cancellation, "INFO", "replication"), "master_repl_offset:").Single();
        await Poll.UntilAsync(
            async () => OffsetsOf(await AskAsync(cancellation, "INFO", "replication"), "state=online,offset=").Count(had => had >= written) >= replicas, cancellation);
    }

    /// <summary>
    /// Waits until what is written into this new server goes to its replicas. One that has the link up and counts as online is
    /// sent nothing in its first second where its word that it has loaded was heard too early: it would take over without a
    /// single key. That all is to be forgotten is the one write that needs no key.
    /// </summary>
    internal async Task WaitUntilReplicatedAsync(int replicas, CancellationToken cancellation)
    {
        await AskAsync(cancellation, "FLUSHALL");
        await WaitForReplicasAsync(cancellation, replicas);
    }

    /// <summary>Starts the server again on its port and folder, after <see cref="KillAsync"/> or <see cref="StopAsync"/>.</summary>
    public Task StartAgainAsync(CancellationToken cancellation) => StartAgainAsync(AnswersAsync, cancellation);

    /// <summary>Starts it again and waits only until it listens: it may still be loading.</summary>
    public Task LaunchAsync(CancellationToken cancellation) => StartAgainAsync(ListensAsync, cancellation);

    private async Task StartAgainAsync(Func<CancellationToken, Task<bool>> isUp, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo(_program) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Folder };
        string[] always =
        [
            "--bind", "127.0.0.1", "--port", Port.ToString(System.Globalization.CultureInfo.InvariantCulture), "--dir", Folder, "--daemonize", "no",
            "--appendonly", "yes", "--maxmemory-policy", "noeviction", "--save", "", "--enable-debug-command", "local",
        ];
        foreach (var argument in always.Concat(_settings))
        {
            start.ArgumentList.Add(argument);
        }

        var output = new StringBuilder();
        _process = Process.Start(start) ?? throw new IOException("redis-server did not start");
        _process.OutputDataReceived += (_, line) => { lock (output) { output.AppendLine(line.Data); } };
        _process.ErrorDataReceived += (_, line) => { lock (output) { output.AppendLine(line.Data); } };
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();

        var started = _process;
        await Poll.UntilAsync(() => started.HasExited ? Task.FromResult(true) : isUp(cancellation), cancellation, Said);
        if (started.HasExited)
        {
            throw new IOException($"redis-server ended with {started.ExitCode}:\n{Said()}");
        }

        string Said()
        {
            lock (output)
            {
                return output.ToString();
            }
        }
    }

    /// <summary>kill -9: what was not written to the append-only file is gone.</summary>
    public async Task KillAsync()
    {
        if (_process is { HasExited: false } process)
        {
            process.Kill();
            await process.WaitForExitAsync();
        }
    }

    /// <summary>SIGTERM: ends in order.</summary>
    public async Task StopAsync()
    {
        if (_process is { HasExited: false } process)
        {
            Signal(process.Id, Sigterm);
            await process.WaitForExitAsync();
        }
    }

    /// <summary>SIGSTOP: connections stay open, nothing is answered.</summary>
    public void Pause() => Signal(ProcessId, Sigstop);

    /// <summary>SIGCONT: what waited in the sockets runs now.</summary>
    public void Continue() => Signal(ProcessId, Sigcont);

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _process?.Dispose();
        Directory.Delete(Folder, recursive: true);
    }

    // While the file is read back the answer is -LOADING.
    private async Task<bool> AnswersAsync(CancellationToken cancellation) => (await PingAsync(cancellation)).StartsWith("+PONG", StringComparison.Ordinal);

    private async Task<bool> ListensAsync(CancellationToken cancellation) => (await PingAsync(cancellation)).Length > 0;

    private async Task<string> PingAsync(CancellationToken cancellation)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(IPAddress.Loopback, Port, cancellation);
            await socket.SendAsync("PING\r\n"u8.ToArray(), cancellation);
            var answer = new byte[64];
            var count = await socket.ReceiveAsync(answer, cancellation);
            return Encoding.ASCII.GetString(answer, 0, count);
        }
        catch (SocketException)
        {
            return "";
        }
    }

    private static IEnumerable<long> OffsetsOf(string info, string name) =>
        info.Split(name).Skip(1).Select(rest => long.Parse(rest.AsSpan(0, rest.AsSpan().IndexOfAnyExceptInRange('0', '9')), System.Globalization.CultureInfo.InvariantCulture));

    private const int Sigterm = 15;
    private const int Sigcont = 18;
    private const int Sigstop = 19;

    private static void Signal(int processId, int signal)
    {
        if (Kill(processId, signal) != 0)
        {
            throw new IOException($"kill -{signal} {processId}: error {Marshal.GetLastPInvokeError()}");
        }
    }

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Kill(int processId, int signal);
}
