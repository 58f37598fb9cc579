using System.Runtime.InteropServices;
using RocksDbSharp;

namespace Relay.Redis.Embedded.Storage;

/// <summary>
/// The ordered keys and values on disk, as one thread sees them: its own writes at once, everybody else's world only
/// after <see cref="Commit"/>. A commit is one record of the write-ahead log, flushed to the disk: wholly there, or not at all.
/// </summary>
/// <remarks>
/// The one class with pointers: RocksDbSharp copies each key and value into an array of its own, which at some dozen
/// reads and writes a message was a tenth of the store's time. Nothing here outlives its call but what is disposed of.
/// </remarks>
internal sealed unsafe class Database : IDisposable
{
    private readonly RocksDb _rocks;
    private readonly nint _handle;
    private readonly nint _batch;
    private readonly nint _read = Native.Instance.rocksdb_readoptions_create();
    private readonly WriteOptions _flushed = new WriteOptions().SetSync(true);
    private bool _isDisposed;

    internal Database(RocksDb rocks, bool isWritable)
    {
        _rocks = rocks;
        _handle = rocks.Handle;
        IsWritable = isWritable;
        _batch = Native.Instance.rocksdb_writebatch_wi_create((nuint)0, (byte)1);
    }

    /// <summary>False while the disk is full: what is there can be read, nothing can be added.</summary>
    public bool IsWritable { get; }

    public bool HasWrites { get; private set; }

    /// <summary>Grows with every write. What a crash left is told apart by it.</summary>
    public ulong Sequence => Native.Instance.rocksdb_get_latest_sequence_number(_handle);

    public void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        HasWrites = true;
        fixed (byte* k = key, v = value)
        {
            Native.Instance.rocksdb_writebatch_wi_put(_batch, k, (nuint)key.Length, v, (nuint)value.Length);
        }
    }

    public void Delete(ReadOnlySpan<byte> key)
    {
        HasWrites = true;
        fixed (byte* k = key)
        {
            Native.Instance.rocksdb_writebatch_wi_delete(_batch, k, (nuint)key.Length);
        }
    }

    /// <summary>The value of a key. Dispose of it before the next write.</summary>
    public Value Get(ReadOnlySpan<byte> key)
    {
        nint slice, error;
        fixed (byte* k = key)
        {
            slice = HasWrites
                ? Native.Instance.rocksdb_writebatch_wi_get_pinned_from_batch_and_db(_batch, _handle, _read, k, (nuint)key.Length, out error)
                : Native.Instance.rocksdb_get_pinned(_handle, _read, k, (nuint)key.Length, out error);
        }

        StorageException.ThrowIf(error);
        return new Value(slice);
    }

    /// <summary>The value of a key that this turn did not write.</summary>
    public Value GetCommitted(ReadOnlySpan<byte> key)
    {
        nint slice, error;
        fixed (byte* k = key)
        {
            slice = Native.Instance.rocksdb_get_pinned(_handle, _read, k, (nuint)key.Length, out error);
        }

        StorageException.ThrowIf(error);
        return new Value(slice);
    }

    /// <summary>The keys from <paramref name="from"/> up to, and not with, <paramref name="to"/>. Write nothing before it is disposed of.</summary>
    public Scan Scan(ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, bool isReverse = false) =>
        new(_handle, HasWrites ? _batch : 0, from, to, isReverse);

    /// <summary>Makes all writes since the last commit durable, in one piece.</summary>
    /// <exception cref="StorageException">The disk failed or is full. Whether they are there is known only to whoever opens it again.</exception>
    public void Commit()
    {
        if (!HasWrites)
        {
            return;
        }

        Native.Instance.rocksdb_write_writebatch_wi(_handle, _flushed.Handle, _batch, out var error);
        Clear();
        StorageException.ThrowIf(error);
    }

    /// <summary>Forgets all writes since the last commit.</summary>
    public void Clear()
    {
        Native.Instance.rocksdb_writebatch_wi_clear(_batch);
        HasWrites = false;
    }

    /// <summary>A number that the storage keeps of itself, or 0.</summary>
    public long Property(string name) =>
        long.TryParse(_rocks.GetProperty(name), System.Globalization.CultureInfo.InvariantCulture, out var number) ? number : 0;

    /// <summary>Writes what is in memory to files, so that a start has nothing to read back.</summary>
    public void Flush()
    {
        var options = new FlushOptions().SetWaitForFlush(true);
        Native.Instance.rocksdb_flush(_handle, options.Handle, out var error);
        GC.KeepAlive(options);
        StorageException.ThrowIf(error);
    }

    public void Dispose()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            Native.Instance.rocksdb_writebatch_wi_destroy(_batch);
            Native.Instance.rocksdb_readoptions_destroy(_read);
            _rocks.Dispose();
        }
    }
}

/// <summary>A value inside the database's own memory.</summary>
internal readonly ref struct Value(nint slice)
{
    public bool Exists => slice != 0;

    public unsafe ReadOnlySpan<byte> Span
    {
        get
        {
            if (slice == 0)
            {
                return default;
            }

            var start = Native.Instance.rocksdb_pinnableslice_value(slice, out var length);
            return new ReadOnlySpan<byte>((byte*)start, checked((int)length));
        }
    }

    public void Dispose()
    {
        if (slice != 0)
        {
            Native.Instance.rocksdb_pinnableslice_destroy(slice);
        }
    }
}

/// <summary>The disk or the files on it failed.</summary>
internal sealed class StorageException(string message) : Exception(message)
{
    public static void ThrowIf(nint error)
    {
        if (error != 0)
        {
            var message = Marshal.PtrToStringUTF8(error) ?? "unknown";
            Native.Instance.rocksdb_free(error);
            throw new StorageException(message);
        }
    }
}
