using System.Runtime.InteropServices;

namespace Relay.Redis.Embedded.Storage;

/// <summary>
/// The ordered keys and values on disk, as one thread sees them: its own writes at once, everybody else's world only
/// after <see cref="Commit"/>. A commit is one record of the write-ahead log, flushed to the disk: wholly there, or not at all.
/// </summary>
internal sealed class Database : IDisposable
{
    private readonly nint _handle;
    private readonly nint _batch = Rocks.CreateBatch(0, overwritesKeys: 1);
    private readonly nint _read = Rocks.CreateReadOptions();
    private readonly nint _flushed = Rocks.CreateWriteOptions();
    private bool _isDisposed;

    internal Database(nint handle, bool isWritable)
    {
        _handle = handle;
        IsWritable = isWritable;
        Rocks.SetSync(_flushed, 1);
    }

    /// <summary>False while the disk is full: what is there can be read, nothing can be added.</summary>
    public bool IsWritable { get; }

    public bool HasWrites { get; private set; }

    /// <summary>Grows with every write. What a crash left is told apart by it.</summary>
    public ulong Sequence => Rocks.GetLatestSequenceNumber(_handle);

    public void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        HasWrites = true;
        Rocks.Put(_batch, key, (nuint)key.Length, value, (nuint)value.Length);
    }

    public void Delete(ReadOnlySpan<byte> key)
    {
        HasWrites = true;
        Rocks.Delete(_batch, key, (nuint)key.Length);
    }

    /// <summary>The value of a key. Dispose of it before the next write.</summary>
    public Value Get(ReadOnlySpan<byte> key)
    {
        if (!HasWrites)
        {
            return GetCommitted(key);
        }

        var slice = Rocks.GetFromBatchAndDatabase(_batch, _handle, _read, key, (nuint)key.Length, out var error);
        StorageException.ThrowIf(error);
        return new Value(slice);
    }

    /// <summary>The value of a key that this turn did not write.</summary>
    public Value GetCommitted(ReadOnlySpan<byte> key)
    {
        var slice = Rocks.Get(_handle, _read, key, (nuint)key.Length, out var error);
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

        Rocks.Write(_handle, _flushed, _batch, out var error);
        Clear();
        StorageException.ThrowIf(error);
    }

    /// <summary>Forgets all writes since the last commit.</summary>
    public void Clear()
    {
        Rocks.ClearBatch(_batch);
        HasWrites = false;
    }

    /// <summary>A number that the storage keeps of itself, or 0.</summary>
    public long Property(string name) => Rocks.GetProperty(_handle, name, out var value) == 0 ? (long)value : 0;

    /// <summary>Writes what is in memory to files, so that a start has nothing to read back.</summary>
    public void Flush()
    {
        var options = Rocks.CreateFlushOptions();
        Rocks.Flush(_handle, options, out var error);
        Rocks.DestroyFlushOptions(options);
        StorageException.ThrowIf(error);
    }

    public void Dispose()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            Rocks.DestroyBatch(_batch);
            Rocks.DestroyReadOptions(_read);
            Rocks.DestroyWriteOptions(_flushed);
            Rocks.Close(_handle);
        }
    }
}

/// <summary>A value inside the database's own memory.</summary>
internal readonly ref struct Value(nint slice)
{
    public bool Exists => slice != 0;

    public ReadOnlySpan<byte> Span => slice == 0 ? default : Rocks.Span(Rocks.GetValue(slice, out var length), length);

    public void Dispose()
    {
        if (slice != 0)
        {
            Rocks.DestroySlice(slice);
        }
    }
}

/// <summary>The disk or the files on it failed.</summary>
internal sealed class StorageException(string message) : Exception(message)
{
    /// <summary>The files are not what was written. The interface tells kinds only as the first word of a sentence.</summary>
    public bool IsCorruption => Message.StartsWith("Corruption", StringComparison.Ordinal);

    public static void ThrowIf(nint error)
    {
        if (error != 0)
        {
            var message = Marshal.PtrToStringUTF8(error) ?? "unknown";
            Rocks.Free(error);
            throw new StorageException(message);
        }
    }
}
