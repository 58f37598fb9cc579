using System.Globalization;
using System.Runtime.InteropServices;

namespace Relay.Redis.Embedded;

/// <summary>The folder of this node: its id, and the lock that keeps a second relay out of it as long as this one lives.</summary>
internal sealed class DataDirectory : IDisposable
{
    private readonly FileStream _lock;

    private DataDirectory(string path, FileStream @lock, string nodeId)
    {
        Path = path;
        _lock = @lock;
        NodeId = nodeId;
    }

    public string Path { get; }

    /// <summary>The same over restarts, so that a node that comes back takes its own partitions at once: the lock proves that its former self is gone.</summary>
    public string NodeId { get; }

    /// <exception cref="StoreRefusedException">Another relay uses it, or nobody can.</exception>
    public static DataDirectory Open(string path)
    {
        path = System.IO.Path.GetFullPath(path);
        FileStream? held = null;
        try
        {
            Directory.CreateDirectory(path);
            held = new FileStream(System.IO.Path.Combine(path, "relay.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            return new DataDirectory(path, held, ReadOrMakeNodeId(path));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            held?.Dispose();
            throw new StoreRefusedException(
                IsHeldElsewhere(e)
                    ? $"Relay:DataDirectory '{path}' is in use by another relay; each needs its own"
                    : $"Relay:DataDirectory '{path}' cannot be written: {e.Message}",
                e);
        }
    }

    public void Dispose() => _lock.Dispose();

    /// <summary>Writes a small file so that after a power cut it holds the old or the new text.</summary>
    public static void WriteDurably(string file, string text)
    {
        var fresh = file + ".new";
        using (var stream = new FileStream(fresh, FileMode.Create, FileAccess.Write, FileShare.None))
        {
            stream.Write(System.Text.Encoding.UTF8.GetBytes(text));
            stream.Flush(flushToDisk: true);
        }

        File.Move(fresh, file, overwrite: true);
        Flush(System.IO.Path.GetDirectoryName(file)!);
    }

    /// <summary>Makes the names in a folder durable: a file whose content was flushed is lost with its name.</summary>
    /// <exception cref="IOException">The disk failed.</exception>
    public static void Flush(string folder)
    {
        // Windows keeps names in its journal and cannot open a folder for this.
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        var descriptor = OpenFolder(folder, 0);
        if (descriptor < 0)
        {
            throw new IOException($"open {folder}: error {Marshal.GetLastPInvokeError().ToString(CultureInfo.InvariantCulture)}");
        }

        var result = FlushFolder(descriptor);
        var error = Marshal.GetLastPInvokeError();
        _ = CloseFolder(descriptor);
        if (result != 0)
        {
            throw new IOException($"fsync {folder}: error {error.ToString(CultureInfo.InvariantCulture)}");
        }
    }

    // EWOULDBLOCK of Linux and of the BSDs, and ERROR_SHARING_VIOLATION.
    private static bool IsHeldElsewhere(Exception e) => e is IOException && e.HResult is 11 or 35 or unchecked((int)0x80070020);

    private static string ReadOrMakeNodeId(string path)
    {
        var file = System.IO.Path.Combine(path, "node-id");
        if (File.Exists(file) && File.ReadAllText(file).Trim() is { Length: > 0 } id)
        {
            return id;
        }

        id = Guid.NewGuid().ToString("n");
        WriteDurably(file, id);
        return id;
    }

    [DllImport("libc", EntryPoint = "open", SetLastError = true, CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int OpenFolder([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);

    [DllImport("libc", EntryPoint = "fsync", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int FlushFolder(int descriptor);

    [DllImport("libc", EntryPoint = "close", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int CloseFolder(int descriptor);
}
