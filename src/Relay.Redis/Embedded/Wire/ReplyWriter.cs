using System.Buffers;
using System.Buffers.Text;
using System.Text;

namespace Relay.Redis.Embedded.Wire;

/// <summary>Replies in RESP2, into a buffer that grows.</summary>
internal sealed class ReplyWriter
{
    private const int Smallest = 4 * 1024;

    // A buffer that a large reply made larger is not kept.
    private const int LargestKept = 1024 * 1024;

    private byte[] _octets = new byte[Smallest];

    public int Length { get; private set; }

    public ReadOnlyMemory<byte> Written => _octets.AsMemory(0, Length);

    public void Ok() => Raw("+OK\r\n"u8);

    public void Simple(ReadOnlySpan<byte> text) => Line((byte)'+', text);

    /// <param name="error">With its kind as the first word.</param>
    public void Error(string error)
    {
        Span<byte> text = stackalloc byte[512];
        _ = Encoding.UTF8.TryGetBytes(error.AsSpan(0, Math.Min(error.Length, 160)), text, out var length);
        text[..length].Replace((byte)'\r', (byte)' ');
        text[..length].Replace((byte)'\n', (byte)' ');
        Line((byte)'-', text[..length]);
    }

    public void Integer(long number) => Number((byte)':', number);

    public void Array(int count) => Number((byte)'*', count);

    public void Bulk(ReadOnlySpan<byte> octets)
    {
        Number((byte)'$', octets.Length);
        var place = Reserve(octets.Length + 2);
        octets.CopyTo(place);
        "\r\n"u8.CopyTo(place[octets.Length..]);
        Length += octets.Length + 2;
    }

    public void Bulk(string text) => Bulk(Encoding.UTF8.GetBytes(text));

    public void BulkInteger(long number)
    {
        Span<byte> text = stackalloc byte[20];
        Utf8Formatter.TryFormat(number, text, out var length);
        Bulk(text[..length]);
    }

    /// <summary>A score as Redis writes it.</summary>
    public void BulkDouble(double number)
    {
        Span<byte> text = stackalloc byte[32];
        Bulk(text[..Numbers.Format(number, text)]);
    }

    public void Null() => Raw("$-1\r\n"u8);

    public void NullArray() => Raw("*-1\r\n"u8);

    public void Raw(ReadOnlySpan<byte> octets)
    {
        octets.CopyTo(Reserve(octets.Length));
        Length += octets.Length;
    }

    /// <summary>Makes an array of what was written since <paramref name="position"/>, whose number was not known before.</summary>
    public void InsertArray(int position, int count)
    {
        var end = Length;
        Array(count);
        Rotate(position, end);
    }

    /// <summary>Puts a number before what was written since <paramref name="position"/>.</summary>
    public void InsertBulkInteger(int position, long number)
    {
        var end = Length;
        BulkInteger(number);
        Rotate(position, end);
    }

    /// <summary>Takes back what was written since <paramref name="length"/>.</summary>
    public void CutTo(int length) => Length = length;

    public void Clear()
    {
        Length = 0;
        if (_octets.Length > LargestKept)
        {
            _octets = new byte[Smallest];
        }
    }

    // What stands behind the end goes to the position.
    private void Rotate(int position, int end)
    {
        Span<byte> header = stackalloc byte[64];
        header = header[..(Length - end)];
        _octets.AsSpan(end, header.Length).CopyTo(header);
        _octets.AsSpan(position, end - position).CopyTo(_octets.AsSpan(position + header.Length));
        header.CopyTo(_octets.AsSpan(position));
    }

    private void Line(byte type, ReadOnlySpan<byte> text)
    {
        var place = Reserve(text.Length + 3);
        place[0] = type;
        text.CopyTo(place[1..]);
        "\r\n"u8.CopyTo(place[(1 + text.Length)..]);
        Length += text.Length + 3;
    }

    private void Number(byte type, long number)
    {
        var place = Reserve(23);
        place[0] = type;
        Utf8Formatter.TryFormat(number, place[1..], out var digits);
        "\r\n"u8.CopyTo(place[(1 + digits)..]);
        Length += digits + 3;
    }

    private Span<byte> Reserve(int length)
    {
        if (_octets.Length - Length < length)
        {
            System.Array.Resize(ref _octets, Math.Max(_octets.Length * 2, Length + length));
        }

        return _octets.AsSpan(Length);
    }
}
