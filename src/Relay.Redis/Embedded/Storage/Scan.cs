using System.Runtime.InteropServices;
using RocksDbSharp;

namespace Relay.Redis.Embedded.Storage;

/// <summary>
/// A walk over a range of keys, forwards or backwards. The database is told both ends, so that it stops there even where
/// what lies behind them is a million deleted keys.
/// </summary>
internal unsafe ref struct Scan
{
    private readonly nint _iterator;
    private readonly nint _options;
    private readonly byte* _bounds;
    private readonly int _from;
    private readonly int _to;
    private readonly bool _isReverse;
    private bool _isStarted;

    internal Scan(nint database, nint batch, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, bool isReverse)
    {
        _isReverse = isReverse;
        _from = from.Length;
        _to = to.Length;
        _bounds = (byte*)NativeMemory.Alloc((nuint)(_from + _to));
        from.CopyTo(new Span<byte>(_bounds, _from));
        to.CopyTo(new Span<byte>(_bounds + _from, _to));

        _options = Native.Instance.rocksdb_readoptions_create();
        Native.Instance.rocksdb_readoptions_set_iterate_lower_bound(_options, _bounds, (nuint)_from);
        Native.Instance.rocksdb_readoptions_set_iterate_upper_bound(_options, _bounds + _from, (nuint)_to);
        _iterator = Native.Instance.rocksdb_create_iterator(database, _options);
        if (batch != 0)
        {
            _iterator = Native.Instance.rocksdb_writebatch_wi_create_iterator_with_base_readopts(batch, _iterator, _options);
        }
    }

    public readonly ReadOnlySpan<byte> Key
    {
        get
        {
            var start = Native.Instance.rocksdb_iter_key(_iterator, out var length);
            return new ReadOnlySpan<byte>((byte*)start, checked((int)length));
        }
    }

    public readonly ReadOnlySpan<byte> Value
    {
        get
        {
            var start = Native.Instance.rocksdb_iter_value(_iterator, out var length);
            return new ReadOnlySpan<byte>((byte*)start, checked((int)length));
        }
    }

    /// <exception cref="StorageException">The files could not be read.</exception>
    public bool MoveNext()
    {
        Step();
        if (Native.Instance.rocksdb_iter_valid(_iterator) == 0)
        {
            Native.Instance.rocksdb_iter_get_error(_iterator, out var error);
            StorageException.ThrowIf(error);
            return false;
        }

        // What is still in the batch is not held to the bounds.
        return _isReverse
            ? Key.SequenceCompareTo(new ReadOnlySpan<byte>(_bounds, _from)) >= 0
            : Key.SequenceCompareTo(new ReadOnlySpan<byte>(_bounds + _from, _to)) < 0;
    }

    public readonly void Dispose()
    {
        Native.Instance.rocksdb_iter_destroy(_iterator);
        Native.Instance.rocksdb_readoptions_destroy(_options);
        NativeMemory.Free(_bounds);
    }

    private void Step()
    {
        if (_isStarted)
        {
            if (_isReverse)
            {
                Native.Instance.rocksdb_iter_prev(_iterator);
            }
            else
            {
                Native.Instance.rocksdb_iter_next(_iterator);
            }

            return;
        }

        _isStarted = true;
        if (!_isReverse)
        {
            Native.Instance.rocksdb_iter_seek(_iterator, _bounds, (nuint)_from);
            return;
        }

        var to = new ReadOnlySpan<byte>(_bounds + _from, _to);
        Native.Instance.rocksdb_iter_seek_for_prev(_iterator, _bounds + _from, (nuint)_to);
        if (Native.Instance.rocksdb_iter_valid(_iterator) != 0 && Key.SequenceEqual(to))
        {
            Native.Instance.rocksdb_iter_prev(_iterator);
        }
    }
}
