using static Relay.Redis.Embedded.Storage.RocksOptions;

namespace Relay.Redis.Embedded.Storage;

/// <summary>The folder of the database: how it is opened, and what it may take of memory and disk.</summary>
internal sealed class DatabaseFolder(string path) : IDisposable
{
    private const int Mebibyte = 1024 * 1024;

    // What is accepted and delivered while one fills never becomes a file: at 10 KiB some 3,000 messages. While one is written
    // to the disk another fills, and a third keeps a slow disk from stopping everybody. All of them are what a start reads back.
    private const int MemtableSize = 32 * Mebibyte;
    private const int Memtables = 3;

    // Indexes and filters of the files, and the blocks read last. Records stand in blob files, which it does not hold.
    private const int CacheSize = 32 * Mebibyte;

    // Open files hold their footers in memory and a descriptor each.
    private const int OpenFiles = 256;

    // Smaller values travel with their keys; from here on moving them at each compaction costs more than a second look-up.
    private const int LeastBlob = 2048;

    // Small, so that a blob file is all garbage soon and can be removed as a whole.
    private const int BlobFileSize = 16 * Mebibyte;

    // A deleted stretch this dense is compacted away soon: 512 of 1,024 entries.
    private const int TombstoneWindow = 1024;
    private const int TombstoneTrigger = 512;

    // Ten bits a key: one in a hundred look-ups of what is not there goes to the disk.
    private const double FilterBits = 10;

    private nint _cache = CreateCache(CacheSize);

    public string Path { get; } = path;

    /// <exception cref="StorageException">The files are damaged, or the disk is full.</exception>
    public Database Open(bool isNew) => new(OpenWith(OpenToWrite, isNew), isWritable: true);

    /// <summary>Opens it to be read. Needs no room on the disk.</summary>
    public Database OpenForReading() => new(OpenWith(OpenReadOnly, isNew: false), isWritable: false);

    /// <summary>Whether there is room to open it for writing: what the logs hold becomes a file then.</summary>
    public bool HasRoom()
    {
        var logs = Directory.EnumerateFiles(Path, "*.log").Sum(f => new FileInfo(f).Length);
        return new DriveInfo(Path).AvailableFreeSpace > (2 * logs) + Mebibyte;
    }

    public void Dispose()
    {
        if (_cache != 0)
        {
            DestroyCache(_cache);
            _cache = 0;
        }
    }

    private (nint Database, nint Error) OpenToWrite(nint options) => (Rocks.Open(options, Path, out var error), error);

    private (nint Database, nint Error) OpenReadOnly(nint options) => (Rocks.OpenForReadOnly(options, Path, 0, out var error), error);

    // A record that the log's end cuts off is dropped. One that is whole but wrong stops the opening: it may be the torn end
    // of what was never answered, or a hole in what was, and RocksDB knows only to ignore both or none.
    private nint OpenWith(Func<nint, (nint Database, nint Error)> open, bool isNew)
    {
        try
        {
            return OpenWith(open, isNew, Recovery.TolerateCorruptedTailRecords);
        }
        catch (StorageException e) when (e.IsCorruption)
        {
            return LogTail.FindHole(Path) is { } hole
                ? throw new StorageException($"{hole} ({e.Message})")
                : OpenWith(open, isNew, Recovery.PointInTime);
        }
    }

    private nint OpenWith(Func<nint, (nint Database, nint Error)> open, bool isNew, Recovery recovery)
    {
        var table = Table();
        var options = Options(table, isNew, recovery);
        try
        {
            var (database, error) = open(options);
            StorageException.ThrowIf(error);
            return database;
        }
        finally
        {
            Destroy(options);
            DestroyTable(table);
        }
    }

    private nint Table()
    {
        var table = CreateTable();
        SetBlockCache(table, _cache);
        SetCacheIndexAndFilterBlocks(table, 1);
        SetPinNewestIndexes(table, 1);
        SetFilterPolicy(table, CreateBloomFilter(FilterBits));
        return table;
    }

    private static nint Options(nint table, bool isNew, Recovery recovery)
    {
        var options = Create();
        SetCreateIfMissing(options, isNew ? (byte)1 : (byte)0);
        SetErrorIfExists(options, isNew ? (byte)1 : (byte)0);
        SetParanoidChecks(options, 1);
        SetWalRecoveryMode(options, recovery);

        // A log that lacks what its successor was written after is a hole.
        SetTrackAndVerifyWals(options, 1);

        SetWriteBufferSize(options, MemtableSize);
        SetMaxWriteBufferNumber(options, Memtables);
        SetMaxTotalWalSize(options, Memtables * MemtableSize);
        SetMaxOpenFiles(options, OpenFiles);

        // One that writes memory to files, one that compacts: they share the machine with the relay.
        SetMaxBackgroundJobs(options, 2);
        SetBytesPerSync(options, Mebibyte);
        SetTable(options, table);
        SetCompression(options, Compression.Lz4);
        SetDynamicLevelBytes(options, 1);
        SetTargetFileSize(options, 16 * Mebibyte);
        SetMaxBytesForLevelBase(options, 64 * Mebibyte);
        CompactOnDeletion(options, TombstoneWindow, TombstoneTrigger);

        // A quarter of the blob files, the oldest, are emptied of what still lives in them as they are met; and at once when
        // half of them is garbage.
        SetEnableBlobFiles(options, 1);
        SetMinBlobSize(options, LeastBlob);
        SetBlobFileSize(options, BlobFileSize);
        SetEnableBlobGarbageCollection(options, 1);
        SetBlobGarbageAgeCutoff(options, 0.25);
        SetBlobGarbageForceThreshold(options, 0.5);

        // Its own diary: short, and no statistics in it.
        SetInfoLogLevel(options, LogLevel.Warn);
        SetMaxLogFileSize(options, Mebibyte);
        SetKeepLogFileNumber(options, 2);
        SetStatsDumpPeriod(options, 0);
        SetMaxManifestFileSize(options, 16 * Mebibyte);
        return options;
    }
}
