using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Garnet;
using Garnet.server;
using Microsoft.Extensions.Logging;
using Relay.Redis.Connections;
using Relay.Redis.Keys;
using StackExchange.Redis;
using Tsavorite.core;

namespace Relay.Redis.Embedded;

/// <summary>
/// The store inside this process: Garnet, reached by the same client over a socket that only this user may open. Its log
/// is on disk when a write is answered, see <see cref="DurableDevice"/>.
/// </summary>
internal sealed class EmbeddedStore : IDisposable
{
    private const string GenerationField = "generation";

    private readonly GarnetServer _server;
    private readonly string _socketFolder;
    private readonly string _folder;
    private readonly string _marker;
    private readonly bool _isNew;

    private EmbeddedStore(GarnetServer server, string folder, string socketFolder, string socket, string marker, bool isNew)
    {
        _server = server;
        _folder = folder;
        _socketFolder = socketFolder;
        _marker = marker;
        _isNew = isNew;
        EndPoint = new UnixDomainSocketEndPoint(socket);
    }

    // A checkpoint writes what is in memory, some 200 MB at most; on a slow disk that is half a minute.
    private static readonly TimeSpan CheckpointTime = TimeSpan.FromMinutes(5);

    public EndPoint EndPoint { get; }

    public static EmbeddedStore Start(string dataDirectory, ILoggerFactory loggers)
    {
        var folder = Path.Combine(dataDirectory, "store");
        var isNew = !Directory.Exists(folder);
        Directory.CreateDirectory(folder);

        // The temporary folder is ours alone (mode 700), and its path short enough for a socket.
        var socketFolder = Directory.CreateTempSubdirectory("relay-").FullName;
        var socket = Path.Combine(socketFolder, "store");
        try
        {
            var server = new GarnetServer(Options(folder, socket, loggers), loggers);
            server.Start();
            return new EmbeddedStore(server, folder, socketFolder, socket, Path.Combine(dataDirectory, "store.generation"), isNew);
        }
        catch
        {
            Directory.Delete(socketFolder, recursive: true);
            throw;
        }
    }

    /// <summary>
    /// Starts the log anew, behind a checkpoint of all that was recovered. Call it before anything is written: a killed
    /// process may leave the first half of a transaction at the log's end, and the sessions of the next process have the
    /// same numbers, so a later recovery would take their writes for the other half, and lose them or give up.
    /// </summary>
    /// <exception cref="StoreRefusedException">The checkpoint could not be written.</exception>
    public async Task BeginLogAsync(CancellationToken cancellation)
    {
        if (_isNew)
        {
            return;
        }

        await using var connection = await ConnectionMultiplexer.ConnectAsync(StoreConnections.Configure(EndPoint, CheckpointTime));
        try
        {
            await connection.GetDatabase().ExecuteAsync("SAVE").WaitAsync(cancellation);
        }
        catch (RedisServerException e)
        {
            throw new StoreRefusedException(
                $"The embedded store could not write a checkpoint into '{_folder}'. Is the disk full, or may this user not write there?", e);
        }
    }

    /// <summary>
    /// Counts this opening, in the store and beside it. A store that lost its count lost its mail: it recovered to an
    /// earlier state or to nothing without a word.
    /// </summary>
    /// <exception cref="StoreRefusedException">The store does not hold what it held when it was opened last.</exception>
    public async Task CountOpeningAsync(IDatabase database)
    {
        var kept = (long?)await database.HashGetAsync(StoreKeys.Store, GenerationField);
        var marked = File.Exists(_marker) ? long.Parse(await File.ReadAllTextAsync(_marker), CultureInfo.InvariantCulture) : 0;
        if (marked > 0 && (kept ?? 0) < marked)
        {
            throw new StoreRefusedException(
                $"The embedded store was opened {marked} times but knows of {kept ?? 0}: its files are missing, damaged or from an earlier time. " +
                $"Restore its folder, or remove '{_marker}' to go on with what is left");
        }

        var next = (kept ?? 0) + 1;
        await database.HashSetAsync(StoreKeys.Store, GenerationField, next);
        DataDirectory.WriteDurably(_marker, next.ToString(CultureInfo.InvariantCulture));
    }

    public void Dispose()
    {
        _server.Dispose(deleteDir: false);
        Directory.Delete(_socketFolder, recursive: true);
    }

    private static GarnetServerOptions Options(string folder, string socket, ILoggerFactory loggers)
    {
        var flusher = new DiskFlusher(folder, loggers.CreateLogger<DiskFlusher>());
        return new GarnetServerOptions
        {
            EndPoints = [new UnixDomainSocketEndPoint(socket)],
            UnixSocketPath = socket,
            UnixSocketPermission = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            QuietMode = true,
            DisablePubSub = true,
            MaxDatabases = 1,

            EnableAOF = true,
            Recover = true,
            FailOnRecoveryError = true,

            // The answer waits for the log, and the log for the disk.
            CommitFrequencyMs = 0,
            WaitForCommit = true,

            // The native device does not load on older systems, and recovery then ends in an empty store.
            DeviceType = DeviceType.RandomAccess,
            DeviceFactoryCreator = new DurableDeviceFactoryCreator(
                new LocalStorageNamedDeviceFactoryCreator(deviceType: DeviceType.RandomAccess), flusher),

            // Small enough to run on a laptop all day: what does not fit in memory goes to disk.
            CheckpointDir = folder,
            LogDir = folder,
            EnableStorageTier = true,
            LogMemorySize = "128m",
            PageSize = "4m",
            SegmentSize = "64m",
            ObjectLogSegmentSize = "64m",
            IndexMemorySize = "32m",

            // A page of the log holds the largest write, 256 KiB and its step, many times over.
            AofMemorySize = "32m",
            AofPageSize = "8m",
            AofSegmentSize = "64m",

            // No AofSizeLimit: it takes checkpoints under load, and after such a one recovery was seen to fail and to lose
            // mail. A cut in the middle of a step is the likely cause, not a proven one. The log is cut at each opening.
        };
    }
}
