using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Relay.TestKit.Relays;

namespace Relay.TestKit.Remote;

/// <summary>
/// Debian's Postfix on a free port with settings, queue and log of its own in one folder: the one that the machine may run is
/// not touched.
/// </summary>
internal sealed class PostfixProgram : IAsyncDisposable
{
    // What every installation has, whoever delivers.
    private const string Services = """
        pickup unix n - n 60 1 pickup
        cleanup unix n - n - 0 cleanup
        qmgr unix n - n 300 1 qmgr
        rewrite unix - - n - - trivial-rewrite
        bounce unix - - n - 0 bounce
        defer unix - - n - 0 bounce
        trace unix - - n - 0 bounce
        proxymap unix - - n - - proxymap
        error unix - - n - - error
        retry unix - - n - - error
        anvil unix - - n - 1 anvil
        scache unix - - n - 1 scache
        postlog unix-dgram n - n - 1 postlogd

        """;

    private readonly string _program;
    private readonly bool _isFolderOurs;

    private PostfixProgram(string program, string? folder)
    {
        _program = program;
        _isFolderOurs = folder is null;
        Folder = folder ?? Directory.CreateTempSubdirectory("relay-postfix-").FullName;
    }

    public string Folder { get; }

    public int Port { get; } = FreePorts.Next();

    /// <summary>Where the files lie that its settings name.</summary>
    public string Config => Path.Combine(Folder, "etc");

    private string LogFile => Path.Combine(Folder, "mail.log");

    private string MasterFile => Path.Combine(Folder, "queue/pid/master.pid");

    /// <summary>The folders alone; skips the test where Postfix is missing or the tests do not run as root, which its start demands.</summary>
    /// <param name="folder">Where all of it lies, and stays; null for a temporary one.</param>
    public static async Task<PostfixProgram> PrepareAsync(CancellationToken cancellation, string? folder = null)
    {
        var program = RealParts.Require("postfix");
        RealParts.RequireRoot();
        var postfix = new PostfixProgram(program, folder);

        // Its daemons drop root and must still reach their folders.
        (await ChildProcess.RunAsync("chmod", ["755", postfix.Folder], cancellation)).Succeeded();
        foreach (var name in (string[])["etc", "queue", "data"])
        {
            Directory.CreateDirectory(Path.Combine(postfix.Folder, name));
        }

        (await ChildProcess.RunAsync("chown", ["postfix", Path.Combine(postfix.Folder, "data")], cancellation)).Succeeded();
        return postfix;
    }

    /// <param name="settings">Lines of main.cf over those that concern its place.</param>
    /// <param name="services">Lines of master.cf beside those that every installation has.</param>
    public async Task LaunchAsync(string settings, string services, CancellationToken cancellation)
    {
        await File.WriteAllTextAsync(Path.Combine(Config, "main.cf"), Place() + settings, cancellation);
        await File.WriteAllTextAsync(Path.Combine(Config, "master.cf"), $"127.0.0.1:{Port} inet n - n - - smtpd\n{Services}{services}", cancellation);
        await StartAsync(cancellation);
    }

    /// <summary>Starts it, at first or after a kill, and waits until it takes connections.</summary>
    public async Task StartAsync(CancellationToken cancellation)
    {
        (await ChildProcess.RunAsync(_program, ["-c", Config, "start"], cancellation)).Succeeded();
        await Poll.UntilAsync(AnswersAsync, cancellation, () => $"Postfix did not start:\n{Log()}");
    }

    /// <summary>The process that starts all others.</summary>
    public async Task<int> ReadMasterAsync(CancellationToken cancellation)
    {
        // It locks the file as long as it lives, and .NET opens none without a lock of its own.
        var master = (await ChildProcess.RunAsync("cat", [MasterFile], cancellation)).Succeeded().Output;
        return int.Parse(master.AsSpan().Trim(), CultureInfo.InvariantCulture);
    }

    /// <summary>kill -9 of its master and all that it has started, which are a process group of their own: at one moment.</summary>
    public async Task KillAsync(CancellationToken cancellation) =>
        (await ChildProcess.RunAsync("kill", ["-9", "--", $"-{await ReadMasterAsync(cancellation)}"], cancellation)).Succeeded();

    public string Log() => File.Exists(LogFile) ? File.ReadAllText(LogFile) : "";

    public async ValueTask DisposeAsync()
    {
        if (File.Exists(MasterFile))
        {
            await ChildProcess.RunAsync(_program, ["-c", Config, "stop"], CancellationToken.None);
        }

        if (_isFolderOurs)
        {
            Directory.Delete(Folder, recursive: true);
        }
    }

    private string Place() => $"""
        compatibility_level = 3.6
        queue_directory = {Folder}/queue
        data_directory = {Folder}/data
        maillog_file = {LogFile}
        maillog_file_prefixes = {Folder}
        mydestination =
        inet_interfaces = 127.0.0.1
        inet_protocols = ipv4
        alias_maps =
        alias_database =
        smtp_dns_support_level = disabled
        smtpd_peername_lookup = no

        """;

    private async Task<bool> AnswersAsync()
    {
        try
        {
            using var socket = new TcpClient();
            await socket.ConnectAsync(IPAddress.Loopback, Port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
