using System.Buffers.Binary;

namespace Relay.Redis.Embedded.Storage;

/// <summary>The members of a sorted set: each stands twice, by its name and by its score.</summary>
internal static class SortedSet
{
    // Before the member: letter, id, letter; and between the last two the score.
    public const int MemberStart = 10;
    public const int ScoredMemberStart = 18;

    public static bool TryGetScore(Keyspace keyspace, Entry entry, ReadOnlySpan<byte> member, out double score)
    {
        using var value = keyspace.Database.Get(keyspace.Keys.Member(entry.Id, member));
        score = value.Exists ? Score.Read(value.Span) : 0;
        return value.Exists;
    }

    public static void Add(Keyspace keyspace, Entry entry, ReadOnlySpan<byte> member, double score)
    {
        entry.Count++;
        Put(keyspace, entry, member, score);
    }

    public static void Move(Keyspace keyspace, Entry entry, ReadOnlySpan<byte> member, double from, double to)
    {
        keyspace.Database.Delete(keyspace.Keys.Scored(entry.Id, Score.ToOrdered(from), member));
        Put(keyspace, entry, member, to);
    }

    /// <summary>Takes a member out; with the last one goes the set.</summary>
    public static void Remove(Keyspace keyspace, Entry entry, ReadOnlySpan<byte> member, double score)
    {
        keyspace.Database.Delete(keyspace.Keys.Member(entry.Id, member));
        keyspace.Database.Delete(keyspace.Keys.Scored(entry.Id, Score.ToOrdered(score), member));
        entry.Count--;
        if (entry.Count == 0)
        {
            keyspace.Delete(entry);
        }
        else
        {
            keyspace.Change(entry);
        }
    }

    /// <summary>Walks the members whose place in the order of scores is between two <see cref="Score.ToOrdered"/> numbers, the second excluded.</summary>
    /// <param name="isFromFirst">No member is before the walk's beginning: tell <see cref="NoteFirst"/> what it meets.</param>
    public static Scan ByScore(Keyspace keyspace, Entry entry, ulong from, ulong to, bool isReverse, out bool isFromFirst)
    {
        var start = keyspace.Keys.Scored(entry.Id, from, []).ToArray();
        isFromFirst = entry.First is null ? from <= Score.Lowest : start.AsSpan().SequenceCompareTo(entry.First) <= 0;
        return keyspace.Database.Scan(
            isFromFirst && entry.First is not null ? entry.First : start, keyspace.Keys.Scored(entry.Id, to, []), isReverse);
    }

    /// <summary>How many members come before one.</summary>
    public static long CountBefore(Keyspace keyspace, Entry entry, double score, ReadOnlySpan<byte> member)
    {
        var from = entry.First ?? keyspace.Keys.Scored(entry.Id, 0, []).ToArray();
        using var scan = keyspace.Database.Scan(from, keyspace.Keys.Scored(entry.Id, Score.ToOrdered(score), member));
        var count = 0L;
        while (scan.MoveNext())
        {
            count++;
        }

        return count;
    }

    /// <summary>Remembers that no member is before this key.</summary>
    public static void NoteFirst(Entry entry, ReadOnlySpan<byte> key)
    {
        if (entry.First is null || key.SequenceCompareTo(entry.First) > 0)
        {
            entry.First = key.ToArray();
        }
    }

    public static Scan ByName(Keyspace keyspace, Entry entry, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, bool isReverse) =>
        keyspace.Database.Scan(
            keyspace.Keys.Member(entry.Id, from).ToArray(), to.IsEmpty ? keyspace.Keys.Scored(entry.Id, 0, []) : keyspace.Keys.Member(entry.Id, to), isReverse);

    private static void Put(Keyspace keyspace, Entry entry, ReadOnlySpan<byte> member, double score)
    {
        Span<byte> octets = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(octets, Score.ToOrdered(score));
        keyspace.Database.Put(keyspace.Keys.Member(entry.Id, member), octets);

        var scored = keyspace.Keys.Scored(entry.Id, Score.ToOrdered(score), member);
        keyspace.Database.Put(scored, []);
        if (entry.First is { } first && scored.SequenceCompareTo(first) < 0)
        {
            entry.First = scored.ToArray();
        }

        keyspace.Change(entry);
    }
}
