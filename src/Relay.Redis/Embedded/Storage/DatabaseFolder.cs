using RocksDbSharp;

namespace Relay.Redis.Embedded.Storage;

/// <summary>The folder of the database: how it is opened, and what it may take of memory and disk.</summary>
internal sealed class DatabaseFolder(string path)
{
    private const ulong Mebibyte = 1024 * 1024;

    // What is accepted and delivered while one fills never becomes a file: at 10 KiB some 3,000 messages. While one is written
    // to the disk another fills, and a third keeps a slow disk from stopping everybody. All of them are what a start reads back.
    private const ulong MemtableSize = 32 * Mebibyte;
    private const int Memtables = 3;

    // Indexes and filters of the files, and the blocks read last. Records stand in blob files, which it does not hold.
    private const ulong CacheSize = 32 * Mebibyte;

    // Open files hold their footers in memory and a descriptor each.
    private const int OpenFiles = 256;

    // Smaller values travel with their keys; from here on moving them at each compaction costs more than a second look-up.
    private const ulong LeastBlob = 2048;

    // Small, so that a blob file is all garbage soon and can be removed as a whole.
    private const ulong BlobFileSize = 16 * Mebibyte;

    // A deleted stretch this dense is compacted away soon: 512 of 1,024 entries.
    private const int TombstoneWindow = 1024;
    private const int TombstoneTrigger = 512;

    private readonly Cache _cache = Cache.CreateLru(CacheSize);

    public string Path { get; } = path;

    /// <exception cref="StorageException">The files are damaged, or the disk is full.</exception>
    public Database Open(bool isNew) => new(TryBoth(recovery => RocksDb.Open(Options(isNew, recovery), Path)), isWritable: true);

    /// <summary>Opens it to be read. Needs no room on the disk.</summary>
    public Database OpenForReading() =>
        new(TryBoth(recovery => RocksDb.OpenReadOnly(Options(isNew: false, recovery), Path, false)), isWritable: false);

    /// <summary>Whether there is room to open it for writing: what the logs hold becomes a file then.</summary>
    public bool HasRoom()
    {
        var logs = Directory.EnumerateFiles(Path, "*.log").Sum(f => new FileInfo(f).Length);
        return new DriveInfo(Path).AvailableFreeSpace > (2 * logs) + (long)Mebibyte;
    }

    // A record that the log's end cuts off is dropped. One that is whole but wrong stops the opening: it may be the torn end
    // of what was never answered, or a hole in what was, and RocksDB knows only to ignore both or none.
    private RocksDb TryBoth(Func<Recovery, RocksDb> open)
    {
        try
        {
            return open(Recovery.TolerateCorruptedTailRecords);
        }
        catch (RocksDbException e)
        {
            if (!e.Message.StartsWith("Corruption", StringComparison.Ordinal))
            {
                throw new StorageException(e.Message);
            }

            if (LogTail.FindHole(Path) is { } hole)
            {
                throw new StorageException($"{hole} ({e.Message})");
            }

            return OpenUpToTear(open);
        }
    }

    private static RocksDb OpenUpToTear(Func<Recovery, RocksDb> open)
    {
        try
        {
            return open(Recovery.PointInTime);
        }
        catch (RocksDbException e)
        {
            throw new StorageException(e.Message);
        }
    }

    private DbOptions Options(bool isNew, Recovery recovery)
    {
        var table = new BlockBasedTableOptions()
            .SetBlockCache(_cache)
            .SetCacheIndexAndFilterBlocks(true)
            .SetPinL0FilterAndIndexBlocksInCache(true)
            .SetFilterPolicy(BloomFilterPolicy.Create(10, false))
            .SetFormatVersion(5);

        var options = new DbOptions()
            .SetCreateIfMissing(isNew)
            .SetErrorIfExists(isNew)
            .SetParanoidChecks(true)
            .SetWalRecoveryMode(recovery)
            .SetWriteBufferSize(MemtableSize)
            .SetMaxWriteBufferNumber(Memtables)
            .SetMaxTotalWalSize(Memtables * MemtableSize)
            .SetMaxOpenFiles(OpenFiles)
            .SetBlockBasedTableFactory(table)
            .SetCompression(Compression.Lz4)
            .SetLevelCompactionDynamicLevelBytes(true)
            .SetTargetFileSizeBase(16 * Mebibyte)
            .SetMaxBytesForLevelBase(64 * Mebibyte)
            .SetMaxBackgroundCompactions(1)
            .SetMaxBackgroundFlushes(1)
            .SetBytesPerSync(Mebibyte)

            // Its own diary: short, and no statistics in it.
            .SetInfoLogLevel(InfoLogLevel.Warn)
            .SetMaxLogFileSize(Mebibyte)
            .SetKeepLogFileNum(2)
            .SetStatsDumpPeriodSec(0)
            .SetMaxManifestFileSize(16 * Mebibyte);

        var native = Native.Instance;
        native.rocksdb_options_set_enable_blob_files(options.Handle, 1);
        native.rocksdb_options_set_min_blob_size(options.Handle, LeastBlob);
        native.rocksdb_options_set_blob_file_size(options.Handle, BlobFileSize);
        native.rocksdb_options_set_enable_blob_gc(options.Handle, 1);

        // A quarter of the files, the oldest, are emptied of what still lives in them as they are met; and at once when half
        // of them is garbage.
        native.rocksdb_options_set_blob_gc_age_cutoff(options.Handle, 0.25);
        native.rocksdb_options_set_blob_gc_force_threshold(options.Handle, 0.5);
        native.rocksdb_options_add_compact_on_deletion_collector_factory(options.Handle, TombstoneWindow, TombstoneTrigger);

        // A log that lacks what its successor was written after is a hole.
        native.rocksdb_options_set_track_and_verify_wals_in_manifest(options.Handle, 1);
        return options;
    }
}
