using System.Runtime.InteropServices;

namespace Relay.Redis.Embedded.Storage;

/// <summary>
/// What we use of RocksDB's C interface. The wrapper in the same package writes code for each of its four thousand
/// functions at the first call, which took half a second and 40 MB of every start, and copies each key and value.
/// </summary>
internal static unsafe partial class Rocks
{
    private const string Library = "rocksdb";

    /// <summary>Octets inside the library's own memory.</summary>
    public static ReadOnlySpan<byte> Span(nint start, nuint length) => new((void*)start, checked((int)length));

    [LibraryImport(Library, EntryPoint = "rocksdb_free")]
    public static partial void Free(nint pointer);

    [LibraryImport(Library, EntryPoint = "rocksdb_open", StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint Open(nint options, string path, out nint error);

    [LibraryImport(Library, EntryPoint = "rocksdb_open_for_read_only", StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint OpenForReadOnly(nint options, string path, byte errorIfLogExists, out nint error);

    [LibraryImport(Library, EntryPoint = "rocksdb_close")]
    public static partial void Close(nint database);

    [LibraryImport(Library, EntryPoint = "rocksdb_flush")]
    public static partial void Flush(nint database, nint options, out nint error);

    [LibraryImport(Library, EntryPoint = "rocksdb_flushoptions_create")]
    public static partial nint CreateFlushOptions();

    [LibraryImport(Library, EntryPoint = "rocksdb_flushoptions_destroy")]
    public static partial void DestroyFlushOptions(nint options);

    [LibraryImport(Library, EntryPoint = "rocksdb_get_latest_sequence_number")]
    public static partial ulong GetLatestSequenceNumber(nint database);

    [LibraryImport(Library, EntryPoint = "rocksdb_property_int", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int GetProperty(nint database, string name, out ulong value);

    [LibraryImport(Library, EntryPoint = "rocksdb_get_pinned")]
    public static partial nint Get(nint database, nint options, ReadOnlySpan<byte> key, nuint keyLength, out nint error);

    [LibraryImport(Library, EntryPoint = "rocksdb_pinnableslice_value")]
    public static partial nint GetValue(nint slice, out nuint length);

    [LibraryImport(Library, EntryPoint = "rocksdb_pinnableslice_destroy")]
    public static partial void DestroySlice(nint slice);

    [LibraryImport(Library, EntryPoint = "rocksdb_readoptions_create")]
    public static partial nint CreateReadOptions();

    [LibraryImport(Library, EntryPoint = "rocksdb_readoptions_destroy")]
    public static partial void DestroyReadOptions(nint options);

    [LibraryImport(Library, EntryPoint = "rocksdb_readoptions_set_iterate_lower_bound")]
    public static partial void SetLowerBound(nint options, byte* key, nuint length);

    [LibraryImport(Library, EntryPoint = "rocksdb_readoptions_set_iterate_upper_bound")]
    public static partial void SetUpperBound(nint options, byte* key, nuint length);

    [LibraryImport(Library, EntryPoint = "rocksdb_writeoptions_create")]
    public static partial nint CreateWriteOptions();

    [LibraryImport(Library, EntryPoint = "rocksdb_writeoptions_destroy")]
    public static partial void DestroyWriteOptions(nint options);

    [LibraryImport(Library, EntryPoint = "rocksdb_writeoptions_set_sync")]
    public static partial void SetSync(nint options, byte isSync);

    [LibraryImport(Library, EntryPoint = "rocksdb_writebatch_wi_create")]
    public static partial nint CreateBatch(nuint reserved, byte overwritesKeys);

    [LibraryImport(Library, EntryPoint = "rocksdb_writebatch_wi_destroy")]
    public static partial void DestroyBatch(nint batch);

    [LibraryImport(Library, EntryPoint = "rocksdb_writebatch_wi_clear")]
    public static partial void ClearBatch(nint batch);

    [LibraryImport(Library, EntryPoint = "rocksdb_writebatch_wi_put")]
    public static partial void Put(nint batch, ReadOnlySpan<byte> key, nuint keyLength, ReadOnlySpan<byte> value, nuint valueLength);

    [LibraryImport(Library, EntryPoint = "rocksdb_writebatch_wi_delete")]
    public static partial void Delete(nint batch, ReadOnlySpan<byte> key, nuint keyLength);

    [LibraryImport(Library, EntryPoint = "rocksdb_writebatch_wi_get_pinned_from_batch_and_db")]
    public static partial nint GetFromBatchAndDatabase(
        nint batch, nint database, nint options, ReadOnlySpan<byte> key, nuint keyLength, out nint error);

    [LibraryImport(Library, EntryPoint = "rocksdb_write_writebatch_wi")]
    public static partial void Write(nint database, nint options, nint batch, out nint error);

    [LibraryImport(Library, EntryPoint = "rocksdb_create_iterator")]
    public static partial nint CreateIterator(nint database, nint options);

    [LibraryImport(Library, EntryPoint = "rocksdb_writebatch_wi_create_iterator_with_base_readopts")]
    public static partial nint CreateIteratorWithBase(nint batch, nint iterator, nint options);

    [LibraryImport(Library, EntryPoint = "rocksdb_iter_destroy")]
    public static partial void DestroyIterator(nint iterator);

    [LibraryImport(Library, EntryPoint = "rocksdb_iter_valid")]
    public static partial byte IsValid(nint iterator);

    [LibraryImport(Library, EntryPoint = "rocksdb_iter_seek")]
    public static partial void Seek(nint iterator, byte* key, nuint length);

    [LibraryImport(Library, EntryPoint = "rocksdb_iter_seek_for_prev")]
    public static partial void SeekForPrevious(nint iterator, byte* key, nuint length);

    [LibraryImport(Library, EntryPoint = "rocksdb_iter_next")]
    public static partial void Next(nint iterator);

    [LibraryImport(Library, EntryPoint = "rocksdb_iter_prev")]
    public static partial void Previous(nint iterator);

    [LibraryImport(Library, EntryPoint = "rocksdb_iter_key")]
    public static partial nint GetKey(nint iterator, out nuint length);

    [LibraryImport(Library, EntryPoint = "rocksdb_iter_value")]
    public static partial nint GetIteratorValue(nint iterator, out nuint length);

    [LibraryImport(Library, EntryPoint = "rocksdb_iter_get_error")]
    public static partial void GetError(nint iterator, out nint error);
}
