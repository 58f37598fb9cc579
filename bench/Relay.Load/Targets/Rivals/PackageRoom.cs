using Relay.Load.Machine;
using Relay.TestKit.Remote;

namespace Relay.Load.Targets.Rivals;

/// <summary>
/// A Debian package that cannot be installed beside another mail server: downloaded, unpacked into the workspace, and run in a
/// <see cref="PackageNamespace"/>.
/// </summary>
internal sealed class PackageRoom
{
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

        await PackageNamespace.WriteUsersAsync(workspace.Folder(name), users, cancellation);
        return room;
    }

    /// <param name="path">Below <c>/etc</c>, as the server will see it.</param>
    public async Task WriteEtcAsync(string path, string text, CancellationToken cancellation)
    {
        var file = Path.Combine(_workspace.Folder($"{_name}/etc"), path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        await File.WriteAllTextAsync(file, text, cancellation);
    }

    public ChildProcess Start(params IEnumerable<string> command)
    {
        var folder = _workspace.Folder(_name);
        return ChildProcess.Start(Path.Combine(folder, "output.log"), "unshare", PackageNamespace.Arguments(folder, command));
    }
}
