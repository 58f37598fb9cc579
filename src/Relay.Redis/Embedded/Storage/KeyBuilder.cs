using System.Buffers.Binary;

namespace Relay.Redis.Embedded.Storage;

/// <summary>
/// Builds the keys of the database. One letter says what a key is; numbers are big-endian, so that the order of octets is
/// theirs.
/// <code>
/// k KEY                    what a Redis key is, see <see cref="Entry"/>
/// v ID                     the octets of a long string
/// e ID ...                 an element of a hash, set or list
/// e ID m MEMBER            a sorted set: the score of a member
/// e ID s SCORE MEMBER      a sorted set: its members by score
/// x TIME KEY               keys by the time at which they expire
/// g ID                     a collection that was deleted and whose elements still have to go
/// n                        ids below this number may have been given out
/// </code>
/// An id is given out once, so what remains of a deleted collection never shows up in a new one of the same name.
/// </summary>
internal sealed class KeyBuilder
{
    private byte[] _octets = new byte[512];

    public ReadOnlySpan<byte> Entry(ReadOnlySpan<byte> key)
    {
        Reserve(1 + key.Length)[0] = (byte)'k';
        key.CopyTo(_octets.AsSpan(1));
        return _octets.AsSpan(0, 1 + key.Length);
    }

    public ReadOnlySpan<byte> Value(ulong id) => Numbered('v', id, []);

    public ReadOnlySpan<byte> Element(ulong id, ReadOnlySpan<byte> name) => Numbered('e', id, name);

    public ReadOnlySpan<byte> Element(ulong id, long index)
    {
        Span<byte> name = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(name, index);
        return Numbered('e', id, name);
    }

    public ReadOnlySpan<byte> Member(ulong id, ReadOnlySpan<byte> member)
    {
        var key = Reserve(10 + member.Length);
        Number(key, 'e', id);
        key[9] = (byte)'m';
        member.CopyTo(key[10..]);
        return key;
    }

    /// <param name="score">As <see cref="Score.ToOrdered"/> gives it.</param>
    public ReadOnlySpan<byte> Scored(ulong id, ulong score, ReadOnlySpan<byte> member)
    {
        var key = Reserve(18 + member.Length);
        Number(key, 'e', id);
        key[9] = (byte)'s';
        BinaryPrimitives.WriteUInt64BigEndian(key[10..], score);
        member.CopyTo(key[18..]);
        return key;
    }

    public ReadOnlySpan<byte> Expiry(long time, ReadOnlySpan<byte> key) => Numbered('x', (ulong)time, key);

    public ReadOnlySpan<byte> Garbage(ulong id) => Numbered('g', id, []);

    private ReadOnlySpan<byte> Numbered(char kind, ulong number, scoped ReadOnlySpan<byte> rest)
    {
        var key = Reserve(9 + rest.Length);
        Number(key, kind, number);
        rest.CopyTo(key[9..]);
        return key;
    }

    private static void Number(Span<byte> key, char kind, ulong number)
    {
        key[0] = (byte)kind;
        BinaryPrimitives.WriteUInt64BigEndian(key[1..], number);
    }

    private Span<byte> Reserve(int length)
    {
        if (_octets.Length < length)
        {
            _octets = new byte[length * 2];
        }

        return _octets.AsSpan(0, length);
    }
}
