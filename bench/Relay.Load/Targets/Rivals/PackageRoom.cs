using Relay.Load.Machine;

namespace Relay.Load.Targets.Rivals;

/// <summary>
/// A Debian package that cannot be installed beside another mail server: downloaded, unpacked into the workspace, and run
/// where its files lie over those of the machine. That view, its users and its processes are a namespace of its own: the
/// machine keeps nothing of it, and what the server leaves behind ends with it. Wants root.
/// </summary>
internal sealed class PackageRoom
{
    // What the packages bring of these is laid over the machine's; /run and /var/spool are the server's own.
    private const string Enter = """
        set -e
        room=$1; shift
        chmod 755 "$room/etc"
        cp /etc/passwd /etc/group "$room/etc/"
        cat "$room/users" >> "$room/etc/passwd"; cat "$room/groups" >> "$room/etc/group"
        mkdir -p "$room/package/etc" "$room/package/var/lib"
        mount -t overlay overlay -o "lowerdir=$room/etc:$room/package/etc:/etc" /etc
        mount -t overlay overlay -o "lowerdir=$room/package/usr:/usr" /usr
        mount -t overlay overlay -o "lowerdir=$room/package/var/lib:/var/lib" /var/lib
        mount --bind "$room/spool" /var/spool
        mount -t tmpfs tmpfs /run
        exec "$@"
        """;

    private readonly Workspace _workspace;
    private readonly string _name;

    private PackageRoom(Workspace workspace, string name) => (_workspace, _name) = (workspace, name);

    /// <summary>Seen as <c>/var/spool</c> inside.</summary>
    public string Spool => _workspace.Folder($"{_name}/spool");

    /// <param name="users">Names that the server runs as; each gets an id of its own and no login.</param>
    public static async Task<PackageRoom> MakeAsync(
        Workspace workspace, string name, IReadOnlyList<string> packages, IReadOnlyList<string> users, CancellationToken cancellation)
    {
        if (!Environment.IsPrivilegedProcess)
        {
            throw new InvalidOperationException($"{packages[0]} runs in a namespace of its own: run the comparison as root");
        }

        var room = new PackageRoom(workspace, name);
        var package = workspace.Folder($"{name}/package");
        workspace.Folder($"{name}/etc");
        foreach (var each in packages)
        {
            await workspace.UnpackAsync(each, package, cancellation);
        }

        // Above what Debian gives to services.
        await System.IO.File.WriteAllLinesAsync(room.File("users"), users.Select((user, n) => $"{user}:x:{Id(n)}:{Id(n)}::/nonexistent:/usr/sbin/nologin"), cancellation);
        await System.IO.File.WriteAllLinesAsync(room.File("groups"), users.Select((user, n) => $"{user}:x:{Id(n)}:"), cancellation);
        return room;
    }

    /// <summary>The numeric id of the user that was named as number <paramref name="number"/>.</summary>
    public static int Id(int number) => 59_000 + number;

    /// <param name="path">Below <c>/etc</c>, as the server will see it.</param>
    public async Task WriteEtcAsync(string path, string text, CancellationToken cancellation)
    {
        var file = Path.Combine(_workspace.Folder($"{_name}/etc"), path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        await System.IO.File.WriteAllTextAsync(file, text, cancellation);
    }

    /// <summary>
    /// Starts the server as the first process of its namespace: what its children leave is waited for by it, so their CPU
    /// is on its bill, and nothing outlives it.
    /// </summary>
    public ChildProcess Start(params IEnumerable<string> command) =>
        ChildProcess.Start(
            File("output.log"), "unshare",
            ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "/bin/sh", "-c", Enter, "room", _workspace.Folder(_name), .. command]);

    private string File(string name) => Path.Combine(_workspace.Folder(_name), name);
}
