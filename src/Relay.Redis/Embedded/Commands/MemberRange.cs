using Relay.Redis.Embedded.Storage;
using Relay.Redis.Embedded.Wire;

namespace Relay.Redis.Embedded.Commands;

/// <summary>A part of a sorted set: by rank, by score or by name, from either end, with an offset and a limit.</summary>
internal ref struct MemberRange
{
    private const string NotAFloat = "ERR min or max is not a float";
    private const string NotAName = "ERR min or max not valid string range item";

    private bool _isByName;
    private ulong _fromScore = 0;
    private ulong _toScore = ulong.MaxValue;
    private byte[] _fromName = [];
    private byte[] _toName = [];

    public MemberRange()
    {
    }

    public bool IsReverse { get; set; }

    /// <summary>Members to pass over.</summary>
    public long Skip { get; set; }

    public long Take { get; set; } = long.MaxValue;

    /// <summary>No member can be in it.</summary>
    public bool IsEmpty { get; private set; }

    /// <summary>The n members from rank to rank, both included and both possibly counted from the end.</summary>
    public static MemberRange OfRanks(long start, long stop, long count, bool isReverse)
    {
        start = Math.Max(0, start < 0 ? start + count : start);
        stop = Math.Min(count - 1, stop < 0 ? stop + count : stop);
        return start > stop
            ? new MemberRange { IsEmpty = true, Take = 0 }
            : new MemberRange { IsReverse = isReverse, Skip = start, Take = stop - start + 1 };
    }

    public static bool TryReadScores(Call call, int least, int most, out MemberRange range)
    {
        range = new MemberRange();
        if (!TryReadScore(call[least], isUpper: false, out range._fromScore) || !TryReadScore(call[most], isUpper: true, out range._toScore))
        {
            call.Reply.Error(NotAFloat);
            return false;
        }

        range.IsEmpty = range._fromScore >= range._toScore;
        return true;
    }

    public static bool TryReadNames(Call call, int least, int most, out MemberRange range)
    {
        range = new MemberRange { _isByName = true };
        if (!TryReadName(call[least], isUpper: false, out range._fromName, out var isBelowAll)
            || !TryReadName(call[most], isUpper: true, out range._toName, out var isUnbounded))
        {
            call.Reply.Error(NotAName);
            return false;
        }

        // "+" as the least, "-" as the most: nothing is there.
        range.IsEmpty = isBelowAll || (!isUnbounded && range._fromName.AsSpan().SequenceCompareTo(range._toName) >= 0);
        return true;
    }

    /// <summary>Calls for each member in the range until it is told to stop.</summary>
    public readonly void Walk<TState>(Keyspace keyspace, Entry entry, TState state, MemberVisitor<TState> visit)
        where TState : allows ref struct
    {
        if (IsEmpty || Take == 0)
        {
            return;
        }

        var isFromFirst = false;
        using var scan = _isByName
            ? SortedSet.ByName(keyspace, entry, _fromName, _toName, IsReverse)
            : SortedSet.ByScore(keyspace, entry, _fromScore, _toScore, IsReverse, out isFromFirst);

        var isFirst = isFromFirst && !IsReverse;
        var (skip, take) = (Skip, Take);
        while (take > 0 && scan.MoveNext())
        {
            var key = scan.Key;
            if (isFirst)
            {
                SortedSet.NoteFirst(entry, key);
                isFirst = false;
            }

            if (skip > 0)
            {
                skip--;
                continue;
            }

            take--;
            if (_isByName)
            {
                visit(state, key[SortedSet.MemberStart..], Score.Read(scan.Value));
            }
            else
            {
                visit(state, key[SortedSet.ScoredMemberStart..], Score.Read(key[SortedSet.MemberStart..]));
            }
        }

        if (isFirst && take > 0)
        {
            // Nothing up to the end of the range: whatever there is, is behind it.
            SortedSet.NoteFirst(entry, keyspace.Keys.Scored(entry.Id, _toScore, []));
        }
    }

    public readonly List<(byte[] Member, double Score)> Collect(Keyspace keyspace, Entry entry)
    {
        var members = new List<(byte[], double)>();
        Walk(keyspace, entry, members, static (list, member, score) => list.Add((member.ToArray(), score)));
        return members;
    }

    // The first score that belongs to it, or the first behind it.
    private static bool TryReadScore(ReadOnlySpan<byte> text, bool isUpper, out ulong score)
    {
        score = 0;
        var isExclusive = !text.IsEmpty && text[0] == '(';
        if (!Numbers.TryParse(isExclusive ? text[1..] : text, out double number))
        {
            return false;
        }

        score = Score.ToOrdered(number) + (isExclusive == isUpper ? 0UL : 1UL);
        return true;
    }

    private static bool TryReadName(ReadOnlySpan<byte> text, bool isUpper, out byte[] name, out bool isBeyond)
    {
        name = [];
        isBeyond = text.SequenceEqual("+"u8);
        if (isBeyond)
        {
            return true;
        }

        if (text.SequenceEqual("-"u8))
        {
            return true;
        }

        if (text.IsEmpty || text[0] is not ((byte)'[' or (byte)'('))
        {
            return false;
        }

        // The name behind a name is the same with a zero.
        var isExclusive = text[0] == '(';
        name = isExclusive == isUpper ? text[1..].ToArray() : [.. text[1..], 0];
        return true;
    }
}

internal delegate void MemberVisitor<in TState>(TState state, ReadOnlySpan<byte> member, double score)
    where TState : allows ref struct;
