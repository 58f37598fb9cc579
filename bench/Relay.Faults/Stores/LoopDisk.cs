using Relay.TestKit.Relays;

namespace Relay.Faults.Stores;

/// <summary>
/// A disk whose power can be cut: ext4 in a file, mounted through a loop device. What was flushed stands in the file, what
/// was only written stands in the page cache; a copy of the file is what a real disk would hold after the cut. Root only.
/// </summary>
internal sealed class LoopDisk : IAsyncDisposable
{
    private readonly string _folder;
    private string _image;
    private int _cuts;

    private LoopDisk(string folder)
    {
        _folder = folder;
        _image = System.IO.Path.Combine(folder, "disk.img");
        Path = System.IO.Path.Combine(folder, "disk");
    }

    /// <summary>Where it is mounted, before and after a cut.</summary>
    public string Path { get; }

    public static async Task<LoopDisk> MakeAsync(int mebibytes, CancellationToken cancellation)
    {
        var disk = new LoopDisk(Directory.CreateTempSubdirectory("relay-disk-").FullName);
        try
        {
            Directory.CreateDirectory(disk.Path);
            await RunAsync(cancellation, "truncate", "-s", $"{mebibytes}M", disk._image);
            await RunAsync(cancellation, "mkfs.ext4", "-q", "-F", "-m", "0", disk._image);
            await RunAsync(cancellation, "mount", "-o", "loop", disk._image, disk.Path);
            return disk;
        }
        catch
        {
            await disk.DisposeAsync();
            throw;
        }
    }

    /// <summary>Keeps what a disk would hold if its power went at this moment. Whoever writes to it must be stopped (SIGSTOP), and must not be continued.</summary>
    public async Task<string> CopyAsync(CancellationToken cancellation)
    {
        var copy = System.IO.Path.Combine(_folder, $"after-cut-{++_cuts}.img");
        await RunAsync(cancellation, "cp", "--sparse=always", _image, copy);
        return copy;
    }

    /// <summary>Puts a copy in the place of the disk. Whoever wrote to the disk must have ended.</summary>
    public async Task GoOnWithAsync(string copy, CancellationToken cancellation)
    {
        await RunAsync(cancellation, "umount", Path);
        File.Delete(_image);
        _image = copy;
        await RunAsync(cancellation, "mount", "-o", "loop", _image, Path);
    }

    /// <summary>Takes all room but so much.</summary>
    public async Task FillAsync(int leaveKibibytes, CancellationToken cancellation)
    {
        var free = new DriveInfo(Path).AvailableFreeSpace;
        await RunAsync(cancellation, "fallocate", "-l", (free - (leaveKibibytes * 1024L)).ToString(System.Globalization.CultureInfo.InvariantCulture), Ballast);
    }

    public void MakeRoom() => File.Delete(Ballast);

    private string Ballast => System.IO.Path.Combine(Path, "ballast");

    public async ValueTask DisposeAsync()
    {
        await ChildProcess.RunAsync("umount", ["-l", Path], CancellationToken.None);
        Directory.Delete(_folder, recursive: true);
    }

    private static async Task RunAsync(CancellationToken cancellation, string program, params string[] arguments)
    {
        var ended = await ChildProcess.RunAsync(program, arguments, cancellation);
        if (ended.ExitCode != 0)
        {
            throw new IOException($"{program} {string.Join(' ', arguments)}: {ended.Errors.Trim()}");
        }
    }
}
