using System.Globalization;
using System.Net;
using Microsoft.Extensions.Logging;
using Relay.Redis.Connections;
using Relay.Redis.Embedded.Execution;
using Relay.Redis.Embedded.Storage;
using Relay.Redis.Embedded.Wire;
using Relay.Redis.Keys;
using StackExchange.Redis;

namespace Relay.Redis.Embedded;

/// <summary>
/// The store inside this process: it speaks the protocol of Redis over a socket that only this user may open, and keeps
/// its keys in RocksDB. What it answered is on the disk.
/// </summary>
internal sealed class EmbeddedStore : IAsyncDisposable
{
    private const string GenerationField = "generation";

    private readonly Executor _executor;
    private readonly SocketListener _listener;
    private readonly string _marker;

    private EmbeddedStore(Executor executor, SocketListener listener, string marker)
    {
        _executor = executor;
        _listener = listener;
        _marker = marker;
    }

    public EndPoint EndPoint => _listener.EndPoint;

    /// <exception cref="StoreRefusedException">The files are missing, damaged, or of a former version.</exception>
    public static EmbeddedStore Start(string dataDirectory, ILoggerFactory loggers)
    {
        RefuseFormerStore(dataDirectory);
        var marker = Path.Combine(dataDirectory, "store.generation");
        var folder = Path.Combine(dataDirectory, "database");
        var isNew = MakeFolder(folder, marker);
        Executor? executor = null;
        try
        {
            executor = new Executor(new DatabaseFolder(folder), isNew, TimeProvider.System, loggers.CreateLogger<EmbeddedStore>());
            DataDirectory.Flush(folder);
            return new EmbeddedStore(executor, new SocketListener(executor), marker);
        }
        catch (StorageException e)
        {
            throw new StoreRefusedException($"The embedded store in '{folder}' cannot be opened: {e.Message}", e);
        }
        catch
        {
            executor?.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Counts this opening, in the store and beside it. A store that lost its count lost its mail: its files were taken
    /// away, or put back from an earlier time.
    /// </summary>
    /// <exception cref="StoreRefusedException">The store does not hold what it held when it was opened last.</exception>
    public async Task CountOpeningAsync(IDatabase database)
    {
        var kept = (long?)await database.HashGetAsync(StoreKeys.Store, GenerationField).InTimeAsync();
        var marked = ReadMarker(_marker);
        if (marked > 0 && (kept ?? 0) < marked)
        {
            throw Lost(marked, kept ?? 0, _marker);
        }

        var next = (kept ?? 0) + 1;
        await database.HashSetAsync(StoreKeys.Store, GenerationField, next).InTimeAsync();
        DataDirectory.WriteDurably(_marker, next.ToString(CultureInfo.InvariantCulture));
    }

    public async ValueTask DisposeAsync()
    {
        await _listener.DisposeAsync();
        _executor.Dispose();
    }

    private static void RefuseFormerStore(string dataDirectory)
    {
        var former = Path.Combine(dataDirectory, "store");
        if (Directory.Exists(former))
        {
            throw new StoreRefusedException(
                $"'{former}' holds the queue of a former version, which this one cannot read. Start the former version with its doors closed until " +
                "its queue is empty, stop it, and remove that folder and 'store.generation' beside it");
        }
    }

    // True when it is new. Its name is durable before anything in it is.
    private static bool MakeFolder(string folder, string marker)
    {
        if (File.Exists(Path.Combine(folder, "CURRENT")))
        {
            return false;
        }

        if (ReadMarker(marker) is > 0 and var marked)
        {
            throw Lost(marked, 0, marker);
        }

        Directory.CreateDirectory(folder);
        DataDirectory.Flush(Path.GetDirectoryName(folder)!);
        return true;
    }

    private static long ReadMarker(string marker) =>
        File.Exists(marker) ? long.Parse(File.ReadAllText(marker), CultureInfo.InvariantCulture) : 0;

    private static StoreRefusedException Lost(long marked, long kept, string marker) => new(
        $"The embedded store was opened {marked} times but knows of {kept}: its files are missing, damaged or from an earlier time. " +
        $"Restore its folder, or remove '{marker}' to go on with what is left");
}
