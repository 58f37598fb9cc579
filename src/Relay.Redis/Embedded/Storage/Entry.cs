using System.Buffers.Binary;

namespace Relay.Redis.Embedded.Storage;

internal enum EntryType : byte
{
    None,
    String,
    Hash,
    SortedSet,
    List,
    Set,
}

/// <summary>What a Redis key is: its type, when it expires, how many elements it has. A short string stands in it, everything else beside it.</summary>
internal sealed class Entry(byte[] key)
{
    /// <summary>Longer strings stand beside their entry, so that whoever only asks whether a key exists does not read them.</summary>
    public const int LongestInline = 1024;

    private const int HeaderLength = 1 + 8 + 8 + 8 + 8;

    public byte[] Key { get; } = key;

    public EntryType Type { get; set; }

    /// <summary>Unix milliseconds; 0 is never.</summary>
    public long ExpiresAt { get; set; }

    /// <summary>Of its elements, or of its long string. 0 where there are none.</summary>
    public ulong Id { get; set; }

    /// <summary>Elements, or the octets of a string.</summary>
    public long Count { get; set; }

    /// <summary>A list's first index; the others follow without a gap.</summary>
    public long Head { get; set; }

    /// <summary>A short string.</summary>
    public byte[] Inline { get; set; } = [];

    /// <summary>
    /// A sorted set: no live member's place in the order of scores is before this one. Not kept on disk: after a restart
    /// the first walk finds it again. Without it a queue's head would be looked for among all that ever left it.
    /// </summary>
    public byte[]? First { get; set; }

    public bool Exists => Type != EntryType.None;

    /// <summary>Differs from what is on disk.</summary>
    public bool IsChanged { get; set; }

    /// <summary>Among those that the turn looked at.</summary>
    public bool IsInTurn { get; set; }

    public bool IsInline => Type == EntryType.String && Id == 0;

    public static EntryType ReadType(ReadOnlySpan<byte> record) => (EntryType)record[0];

    public static long ReadExpiry(ReadOnlySpan<byte> record) => BinaryPrimitives.ReadInt64BigEndian(record[1..]);

    public void Read(ReadOnlySpan<byte> record)
    {
        Type = ReadType(record);
        ExpiresAt = ReadExpiry(record);
        Id = BinaryPrimitives.ReadUInt64BigEndian(record[9..]);
        Count = BinaryPrimitives.ReadInt64BigEndian(record[17..]);
        Head = BinaryPrimitives.ReadInt64BigEndian(record[25..]);
        Inline = IsInline ? record[HeaderLength..].ToArray() : [];
    }

    public int RecordLength => HeaderLength + Inline.Length;

    public void Write(Span<byte> record)
    {
        record[0] = (byte)Type;
        BinaryPrimitives.WriteInt64BigEndian(record[1..], ExpiresAt);
        BinaryPrimitives.WriteUInt64BigEndian(record[9..], Id);
        BinaryPrimitives.WriteInt64BigEndian(record[17..], Count);
        BinaryPrimitives.WriteInt64BigEndian(record[25..], Head);
        Inline.CopyTo(record[HeaderLength..]);
    }
}
