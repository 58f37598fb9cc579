using System.Runtime.InteropServices;

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

        _options = Rocks.CreateReadOptions();
        Rocks.SetLowerBound(_options, _bounds, (nuint)_from);
        Rocks.SetUpperBound(_options, _bounds + _from, (nuint)_to);
        _iterator = Rocks.CreateIterator(database, _options);
        if (batch != 0)
        {
            _iterator = Rocks.CreateIteratorWithBase(batch, _iterator, _options);
        }
    }

    public readonly ReadOnlySpan<byte> Key => Rocks.Span(Rocks.GetKey(_iterator, out var length), length);

    public readonly ReadOnlySpan<byte> Value => Rocks.Span(Rocks.GetIteratorValue(_iterator, out var length), length);

    /// <exception cref="StorageException">The files could not be read.</exception>
    public bool MoveNext()
    {
        Step();
        if (Rocks.IsValid(_iterator) == 0)
        {
            Rocks.GetError(_iterator, out var error);
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
        Rocks.DestroyIterator(_iterator);
        Rocks.DestroyReadOptions(_options);
        NativeMemory.Free(_bounds);
    }

    private void Step()
    {
        if (_isStarted)
        {
            if (_isReverse)
            {
                Rocks.Previous(_iterator);
            }
            else
            {
                Rocks.Next(_iterator);
            }

            return;
        }

        _isStarted = true;
        if (!_isReverse)
        {
            Rocks.Seek(_iterator, _bounds, (nuint)_from);
            return;
        }

        var to = new ReadOnlySpan<byte>(_bounds + _from, _to);
        Rocks.SeekForPrevious(_iterator, _bounds + _from, (nuint)_to);
        if (Rocks.IsValid(_iterator) != 0 && Key.SequenceEqual(to))
        {
            Rocks.Previous(_iterator);
        }
    }
}
