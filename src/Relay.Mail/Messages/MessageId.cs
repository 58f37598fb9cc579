using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Relay.Mail.Messages;

/// <summary>
/// Names a message everywhere: one UUIDv7 (RFC 9562, 5.7), outside as 26 lower-case characters of Crockford's base 32,
/// which sort by time. Ten of its random bits are the <see cref="Slot"/>, from which its partition follows.
/// </summary>
public readonly record struct MessageId : IComparable<MessageId>
{
    /// <summary>How many slots the ten bits tell apart: the most partitions a store can have.</summary>
    public const int Slots = 1024;

    /// <summary>Octets of an id.</summary>
    internal const int Octets = 16;

    private const string Alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
    private const int TextLength = 26;

    private readonly UInt128 _value;

    private MessageId(UInt128 value) => _value = value;

    /// <summary>A new id, in a random slot.</summary>
    public static MessageId Create(TimeProvider time) => Create(time, RandomNumberGenerator.GetInt32(Slots));

    /// <summary>A new id in a given slot, so that what belongs together stands in one partition.</summary>
    public static MessageId Create(TimeProvider time, int slot)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(slot);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(slot, Slots);

        Span<byte> bytes = stackalloc byte[16];
        Guid.CreateVersion7(time.GetUtcNow()).TryWriteBytes(bytes, bigEndian: true, out _);
        var value = BinaryPrimitives.ReadUInt128BigEndian(bytes);
        return new MessageId((value & ~(UInt128)(Slots - 1)) | (UInt128)slot);
    }

    /// <summary>Not the id of a message, but before all that are made from then on, and behind those made earlier.</summary>
    public static MessageId FirstOf(DateTimeOffset time) => new((UInt128)(ulong)Math.Max(0, time.ToUnixTimeMilliseconds()) << 80);

    /// <summary>0 to 1,023: the last ten bits.</summary>
    public int Slot => (int)(_value & (Slots - 1));

    /// <summary>When the id was made, to the millisecond, by the clock of the node that made it.</summary>
    public DateTimeOffset CreatedAt => DateTimeOffset.FromUnixTimeMilliseconds((long)(_value >> 80));

    /// <summary>The partition of a store that has <paramref name="partitions"/> of them, a power of two.</summary>
    public int Partition(int partitions) => Slot & (partitions - 1);

    public static bool TryParse([NotNullWhen(true)] string? text, out MessageId id)
    {
        id = default;
        if (text is not { Length: TextLength } || text[0] > '7')
        {
            return false;
        }

        UInt128 value = 0;
        foreach (var c in text)
        {
            var digit = Alphabet.IndexOf(c, StringComparison.Ordinal);
            if (digit < 0)
            {
                return false;
            }

            value = (value << 5) | (UInt128)digit;
        }

        id = new MessageId(value);
        return true;
    }

    /// <exception cref="FormatException">The text is not an id.</exception>
    public static MessageId Parse(string text) =>
        TryParse(text, out var id) ? id : throw new FormatException($"'{text}' is not a message id");

    /// <summary>The id as octets, in their order on the wire.</summary>
    internal void Write(Span<byte> octets) => BinaryPrimitives.WriteUInt128BigEndian(octets, _value);

    internal static MessageId Read(ReadOnlySpan<byte> octets) => new(BinaryPrimitives.ReadUInt128BigEndian(octets));

    public int CompareTo(MessageId other) => _value.CompareTo(other._value);

    public override string ToString() => string.Create(TextLength, _value, static (text, value) =>
    {
        for (var i = TextLength - 1; i >= 0; i--)
        {
            text[i] = Alphabet[(int)(value & 31)];
            value >>= 5;
        }
    });
}
