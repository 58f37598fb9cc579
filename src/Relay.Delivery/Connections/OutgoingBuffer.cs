using System.Buffers;

namespace Relay.Delivery.Connections;

/// <summary>What is about to be sent. Its memory is rented while there is something in it, so that an idle connection holds none.</summary>
internal sealed class OutgoingBuffer : IBufferWriter<byte>, IDisposable
{
    private const int FirstSize = 16 * 1024;

    private byte[] _octets = [];
    private int _length;

    public int Length => _length;

    public ReadOnlyMemory<byte> Written => _octets.AsMemory(0, _length);

    public void Advance(int count) => _length += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(Math.Max(sizeHint, 1));
        return _octets.AsMemory(_length);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(Math.Max(sizeHint, 1));
        return _octets.AsSpan(_length);
    }

    /// <summary>Forgets what was written and keeps the memory for the next.</summary>
    public void Clear() => _length = 0;

    /// <summary>Gives the memory back.</summary>
    public void Dispose()
    {
        if (_octets.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_octets);
        }

        _octets = [];
        _length = 0;
    }

    private void Reserve(int count)
    {
        if (_octets.Length - _length >= count)
        {
            return;
        }

        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(FirstSize, _length + count));
        _octets.AsSpan(0, _length).CopyTo(larger);
        var length = _length;
        Dispose();
        (_octets, _length) = (larger, length);
    }
}
