using System.Collections.Concurrent;
using Relay.TestKit;
using Relay.TestKit.Remote;

namespace Relay.ScenarioTests.Harness;

/// <summary>A Debian package that cannot be installed beside another mail server: downloaded, unpacked aside, and run in a <see cref="PackageNamespace"/>.</summary>
internal sealed class PackageRoom : IAsyncDisposable
{
    // Each package is downloaded once in a run of the tests, whoever needs it.
    private static readonly ConcurrentDictionary<string, Lazy<Task<string>>> Downloads = new();

    private ChildProcess? _server;

    private PackageRoom(string folder) => Folder = folder;

    public string Folder { get; }

    public string Etc => Path.Combine(Folder, "etc");

    /// <summary>Seen as <c>/var/spool</c> inside.</summary>
    public string Spool => Path.Combine(Folder, "spool");

    private string Children => $"/proc/{_server!.Id}/task/{_server.Id}/children";

    public string Output => $"{_server?.Output}\n{_server?.Errors}";

    /// <param name="users">Names that the server runs as; each gets an id of its own and no login.</param>
    public static async Task<PackageRoom> MakeAsync(IReadOnlyList<string> packages, IReadOnlyList<string> users, CancellationToken cancellation)
    {
        RealParts.RequireRoot();
        RealParts.Require("apt-get");
        RealParts.Require("unshare");
        var room = new PackageRoom(Directory.CreateTempSubdirectory("relay-room-").FullName);
        (await ChildProcess.RunAsync("chmod", ["755", room.Folder], cancellation)).Succeeded();
        foreach (var folder in (string[])["etc", "spool", "package"])
        {
            Directory.CreateDirectory(Path.Combine(room.Folder, folder));
        }

        foreach (var package in packages)
        {
            var file = await Downloads.GetOrAdd(package, p => new Lazy<Task<string>>(() => DownloadAsync(p))).Value.WaitAsync(cancellation);
            (await ChildProcess.RunAsync("dpkg-deb", ["-x", file, Path.Combine(room.Folder, "package")], cancellation)).Succeeded();
        }

        await PackageNamespace.WriteUsersAsync(room.Folder, users, cancellation);
        return room;
    }

    /// <summary>Starts the server as the first process of its namespace, and waits until its port answers.</summary>
    public async Task StartAsync(int port, CancellationToken cancellation, params IEnumerable<string> command)
    {
        _server = ChildProcess.Start("unshare", PackageNamespace.Arguments(Folder, command), Folder);
        await PortProbe.UntilAnswersAsync(port, () => _server.HasExited, () => Output, cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
        {
            // The first process of the namespace, with which all others end. unshare would only tell it so if it had not
            // changed its user, and while one of them lives the output has no end.
            var inside = File.Exists(Children) ? (await File.ReadAllTextAsync(Children)).Split(' ', StringSplitOptions.RemoveEmptyEntries) : [];
            if (inside.Length > 0)
            {
                await ChildProcess.RunAsync("kill", ["-9", .. inside], CancellationToken.None);
            }

            await _server.DisposeAsync();
        }

        Directory.Delete(Folder, recursive: true);
    }

    private static async Task<string> DownloadAsync(string package)
    {
        // A build server has them there already.
        if (Environment.GetEnvironmentVariable("RELAY_TEST_PACKAGES") is { Length: > 0 } packages
            && Directory.Exists(packages) && Directory.GetFiles(packages, $"{package}_*.deb") is [var given, ..])
        {
            return given;
        }

        var folder = Directory.CreateTempSubdirectory("relay-package-").FullName;
        (await ChildProcess.RunAsync("apt-get", ["download", "-q", "-o", "APT::Sandbox::User=root", package], CancellationToken.None, folder)).Succeeded();
        return Directory.GetFiles(folder, "*.deb").Single();
    }
}
