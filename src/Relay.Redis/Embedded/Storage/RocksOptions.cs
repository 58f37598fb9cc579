using System.Runtime.InteropServices;

namespace Relay.Redis.Embedded.Storage;

/// <summary>RocksDB's options, as far as we set any; the names are those of its C interface.</summary>
internal static partial class RocksOptions
{
    private const string Library = "rocksdb";

    /// <summary>What to do with a log whose end is damaged.</summary>
    public enum Recovery
    {
        /// <summary>Drops a last record that is cut off; refuses any other damage.</summary>
        TolerateCorruptedTailRecords = 0,

        /// <summary>Drops everything from the first damage on.</summary>
        PointInTime = 2,
    }

    public enum Compression
    {
        None = 0,
        Lz4 = 4,
    }

    public enum LogLevel
    {
        Warn = 2,
    }

    [LibraryImport(Library, EntryPoint = "rocksdb_options_create")]
    public static partial nint Create();

    [LibraryImport(Library, EntryPoint = "rocksdb_options_destroy")]
    public static partial void Destroy(nint options);

    [LibraryImport(Library, EntryPoint = "rocksdb_options_set_create_if_missing")]
    public static partial void SetCreateIfMissing(nint options, byte value);

    [LibraryImport(Library, EntryPoint = "rocksdb_options_set_error_if_exists")]
    public static partial void SetErrorIfExists(nint options, byte value);

    [LibraryImport(Library, EntryPoint = "rocksdb_options_set_paranoid_checks")]
    public static partial void SetParanoidChecks(nint options, byte value);

    [LibraryImport(Library, EntryPoint = "rocksdb_options_set_wal_recovery_mode")]
    public static partial void SetWalRecoveryMode(nint options, Recovery value);

    [LibraryImport(Library, EntryPoint = "rocksdb_options_set_track_and_verify_wals_in_manifest")]
    public static partial void SetTrackAndVerifyWals(nint options, byte value);

    [LibraryImport(Library, EntryPoint = "rocksdb_options_set_write_buffer_size")]
    public static partial void SetWriteBufferSize(nint options, nuint value);

    [LibraryImport(Library, EntryPoint = "rocksdb_options_set_max_write_buffer_number")]
    public static partial void SetMaxWriteBufferNumber(nint options, int value);

    [LibraryImport(Library, EntryPoint = "rocksdb_options_set_max_total_wal_size")]
    public static partial void SetMaxTotalWalSize(nint options, ulong value);

    [LibraryImport(Library, EntryPoint = "rocksdb_options_set_max_open_files")]
    public static partial void SetMaxOpenFiles(nint options, int value);

    [LibraryImport(Library, EntryPoint = "rocksdb_options_set_max_background_jobs")]
    public static partial void SetMaxBackgroundJobs(nint options, int value);

    [LibraryImport(Library, EntryPoint = "rocksdb_options_set_bytes_per_sync")]
    public static partial void SetBytesPerSync(nint options, ulong value);

    [LibraryImport(Library, EntryPoint = "rocksdb_options_set_compression")]
    public static partial void SetCompression(nint options, Compression value);

    [LibraryImport(Library, EntryPoint = "rocksdb_options_set_level_compaction_dynamic_level_bytes")]
    public static partial void SetDynamicLevelBytes(nint options, byte value);

    [LibraryImport(Library, EntryPoint = "rocksdb_options_set_target_file_size_base")]
    public static partial void SetTargetFileSize(nint options, ulong value);

    [LibraryImport(Library, EntryPoint = "rocksdb_options_set_max_bytes_for_level_base")]
    public static partial void SetMaxBytesForLevelBase(nint options, ulong value);

    [LibraryImport(Library, EntryPoint = "rocksdb_options_add_compact_on_deletion_collector_factory")]
    public static partial void CompactOnDeletion(nint options, nuint window, nuint trigger);

    [LibraryImport(Library, EntryPoint = "rocksdb_options_set_info_log_level")]
    public static partial void SetInfoLogLevel(nint options, LogLevel value);

    [LibraryImport(Library, EntryPoint = "rocksdb_options_set_max_log_file_size")]
    public static partial void SetMaxLogFileSize(nint options, nuint value);

    [LibraryImport(Library, EntryPoint = "rocksdb_options_set_keep_log_file_num")]
    public static partial void SetKeepLogFileNumber(nint options, nuint value);

    [LibraryImport(Library, EntryPoint = "rocksdb_options_set_stats_dump_period_sec")]
    public static partial void SetStatsDumpPeriod(nint options, uint seconds);

    [LibraryImport(Library, EntryPoint = "rocksdb_options_set_max_manifest_file_size")]
    public static partial void SetMaxManifestFileSize(nint options, nuint value);

    [LibraryImport(Library, EntryPoint = "rocksdb_options_set_enable_blob_files")]
    public static partial void SetEnableBlobFiles(nint options, byte value);

    [LibraryImport(Library, EntryPoint = "rocksdb_options_set_min_blob_size")]
    public static partial void SetMinBlobSize(nint options, ulong value);

    [LibraryImport(Library, EntryPoint = "rocksdb_options_set_blob_file_size")]
    public static partial void SetBlobFileSize(nint options, ulong value);

    [LibraryImport(Library, EntryPoint = "rocksdb_options_set_enable_blob_gc")]
    public static partial void SetEnableBlobGarbageCollection(nint options, byte value);

    [LibraryImport(Library, EntryPoint = "rocksdb_options_set_blob_gc_age_cutoff")]
    public static partial void SetBlobGarbageAgeCutoff(nint options, double value);

    [LibraryImport(Library, EntryPoint = "rocksdb_options_set_blob_gc_force_threshold")]
    public static partial void SetBlobGarbageForceThreshold(nint options, double value);

    [LibraryImport(Library, EntryPoint = "rocksdb_options_set_block_based_table_factory")]
    public static partial void SetTable(nint options, nint table);

    [LibraryImport(Library, EntryPoint = "rocksdb_block_based_options_create")]
    public static partial nint CreateTable();

    [LibraryImport(Library, EntryPoint = "rocksdb_block_based_options_destroy")]
    public static partial void DestroyTable(nint table);

    [LibraryImport(Library, EntryPoint = "rocksdb_block_based_options_set_block_cache")]
    public static partial void SetBlockCache(nint table, nint cache);

    [LibraryImport(Library, EntryPoint = "rocksdb_block_based_options_set_cache_index_and_filter_blocks")]
    public static partial void SetCacheIndexAndFilterBlocks(nint table, byte value);

    [LibraryImport(Library, EntryPoint = "rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache")]
    public static partial void SetPinNewestIndexes(nint table, byte value);

    /// <summary>The table owns the policy from then on.</summary>
    [LibraryImport(Library, EntryPoint = "rocksdb_block_based_options_set_filter_policy")]
    public static partial void SetFilterPolicy(nint table, nint policy);

    [LibraryImport(Library, EntryPoint = "rocksdb_filterpolicy_create_bloom")]
    public static partial nint CreateBloomFilter(double bitsPerKey);

    [LibraryImport(Library, EntryPoint = "rocksdb_cache_create_lru")]
    public static partial nint CreateCache(nuint capacity);

    [LibraryImport(Library, EntryPoint = "rocksdb_cache_destroy")]
    public static partial void DestroyCache(nint cache);
}
