using System.Buffers.Binary;

namespace Relay.Redis.Embedded.Storage;

/// <summary>Scores of sorted sets, as numbers whose order is that of their octets.</summary>
internal static class Score
{
    /// <summary>Below every score.</summary>
    public static readonly ulong Lowest = ToOrdered(double.NegativeInfinity);

    private const ulong Sign = 1UL << 63;

    public static ulong ToOrdered(double score)
    {
        // Zero has two forms, which are equal.
        var bits = BitConverter.DoubleToUInt64Bits(score == 0 ? 0 : score);
        return (bits & Sign) != 0 ? ~bits : bits | Sign;
    }

    public static double FromOrdered(ulong ordered) =>
        BitConverter.UInt64BitsToDouble((ordered & Sign) != 0 ? ordered & ~Sign : ~ordered);

    public static double Read(ReadOnlySpan<byte> octets) => FromOrdered(BinaryPrimitives.ReadUInt64BigEndian(octets));
}
