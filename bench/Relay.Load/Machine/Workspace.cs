using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Relay.Load.Machine;

/// <summary>A folder on a real disk for all that the servers of a run write, removed at its end.</summary>
internal sealed class Workspace : IDisposable
{
    // Postfix's own user must be able to walk through it.
    private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    private readonly bool _keep;

    public Workspace(string? parent, bool keep)
    {
        _keep = keep;
        parent ??= IsInMemory(Path.GetTempPath()) ? "/var/tmp" : Path.GetTempPath();
        if (IsInMemory(parent))
        {
            throw new InvalidOperationException($"{parent} is held in memory: its fsync costs nothing and measures nothing");
        }

        Root = Path.Combine(parent, $"relay-load-{Environment.ProcessId}");
        Directory.CreateDirectory(Root, Mode);
    }

    public string Root { get; }

    public string Folder(string name) => Directory.CreateDirectory(Path.Combine(Root, name), Mode).FullName;

    public string File(string name) => Path.Combine(Root, name);

    /// <summary>Downloads a Debian package, once, and unpacks its files into a folder; nothing is installed.</summary>
    public async Task UnpackAsync(string package, string folder, CancellationToken cancellation)
    {
        // apt-get downloads into the folder that it runs in.
        const string Fetch = "set -e; cd \"$1\"; ls \"$2\"_*.deb >/dev/null 2>&1 || apt-get download \"$2\"; dpkg -x \"$2\"_*.deb \"$3\"";
        await ChildProcess.RunAsync(File($"{package}.log"), "/bin/sh", ["-c", Fetch, "sh", Folder("packages"), package, folder], cancellation);
    }

    /// <summary>Median time of appending 10 KiB to a file here and flushing it to the disk.</summary>
    public TimeSpan FlushTime()
    {
        const int Writes = 300;
        var path = File("flush");
        var times = new List<TimeSpan>(Writes);
        using (var file = System.IO.File.OpenHandle(path, FileMode.Create, FileAccess.Write))
        {
            var block = new byte[10 * 1024];
            for (var i = 0; i < Writes; i++)
            {
                var begun = Stopwatch.GetTimestamp();
                RandomAccess.Write(file, block, (long)i * block.Length);
                RandomAccess.FlushToDisk(file);
                times.Add(Stopwatch.GetElapsedTime(begun));
            }
        }

        System.IO.File.Delete(path);
        return times.Order().ElementAt(Writes / 2);
    }

    /// <summary>A port nobody listens on at this moment.</summary>
    public static int FreePort()
    {
        using var probe = new Socket(SocketType.Stream, ProtocolType.Tcp);
        probe.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)probe.LocalEndPoint!).Port;
    }

    public void Dispose()
    {
        if (!_keep)
        {
            Directory.Delete(Root, recursive: true);
        }
    }

    private static bool IsInMemory(string path) => new DriveInfo(path).DriveFormat is "tmpfs" or "ramfs";
}
