using Relay.Redis.Embedded.Storage;
using Relay.Redis.Embedded.Wire;

namespace Relay.Redis.Embedded.Commands;

/// <summary>The commands that look at, count or take out a part of a sorted set.</summary>
internal static class SortedSetRanges
{
    private enum By
    {
        Rank,
        Score,
        Name,
    }

    public static void Range(Call call)
    {
        if (RangeOptions.TryRead(call, out var options))
        {
            Select(call, options);
        }
    }

    public static void ReverseRange(Call call) => SelectFixed(call, By.Rank, isReverse: true);

    public static void ByScore(Call call) => SelectFixed(call, By.Score, isReverse: false);

    public static void ReverseByScore(Call call) => SelectFixed(call, By.Score, isReverse: true);

    public static void ByName(Call call) => SelectFixed(call, By.Name, isReverse: false);

    public static void ReverseByName(Call call) => SelectFixed(call, By.Name, isReverse: true);

    public static void CountByScore(Call call)
    {
        if (MemberRange.TryReadScores(call, 2, 3, out var range))
        {
            CountIn(call, range);
        }
    }

    public static void CountByName(Call call)
    {
        if (MemberRange.TryReadNames(call, 2, 3, out var range))
        {
            CountIn(call, range);
        }
    }

    public static void Rank(Call call) => WriteRank(call, isReverse: false);

    public static void ReverseRank(Call call) => WriteRank(call, isReverse: true);

    public static void RemoveByScore(Call call)
    {
        if (MemberRange.TryReadScores(call, 2, 3, out var range) && call.TryFind(EntryType.SortedSet, out var entry))
        {
            Remove(call, entry, range);
        }
    }

    public static void RemoveByName(Call call)
    {
        if (MemberRange.TryReadNames(call, 2, 3, out var range) && call.TryFind(EntryType.SortedSet, out var entry))
        {
            Remove(call, entry, range);
        }
    }

    public static void RemoveByRank(Call call)
    {
        if (call.TryInteger(2, out var start) && call.TryInteger(3, out var stop) && call.TryFind(EntryType.SortedSet, out var entry))
        {
            Remove(call, entry, MemberRange.OfRanks(start, stop, entry?.Count ?? 0, isReverse: false));
        }
    }

    public static void PopFirst(Call call) => Pop(call, isReverse: false);

    public static void PopLast(Call call) => Pop(call, isReverse: true);

    private static void SelectFixed(Call call, By by, bool isReverse)
    {
        if (RangeOptions.TryRead(call, by, isReverse, out var options))
        {
            Select(call, options);
        }
    }

    private static void Select(Call call, RangeOptions options)
    {
        // From the far end the greater bound comes first.
        var (least, most) = options.IsReverse ? (3, 2) : (2, 3);
        MemberRange range = default;
        long start = 0, stop = 0;
        var isRead = options.By switch
        {
            By.Rank => call.TryInteger(2, out start) && call.TryInteger(3, out stop),
            By.Score => MemberRange.TryReadScores(call, least, most, out range),
            _ => MemberRange.TryReadNames(call, least, most, out range),
        };
        if (!isRead || !call.TryFind(EntryType.SortedSet, out var entry))
        {
            return;
        }

        if (entry is null)
        {
            call.Reply.Array(0);
            return;
        }

        if (options.By == By.Rank)
        {
            WriteRanks(call, entry, start, stop, options);
            return;
        }

        range.IsReverse = options.IsReverse;
        range.Skip = Math.Max(0, options.Skip);
        range.Take = options.Skip < 0 ? 0 : options.Take < 0 ? long.MaxValue : options.Take;
        Write(call, entry, range, options.WithScores);
    }

    private static void WriteRanks(Call call, Entry entry, long start, long stop, RangeOptions options)
    {
        var range = MemberRange.OfRanks(start, stop, entry.Count, options.IsReverse);
        var behind = entry.Count - range.Skip - range.Take;
        if (range.IsEmpty || behind >= range.Skip)
        {
            Write(call, entry, range, options.WithScores);
            return;
        }

        // Nearer to the other end.
        range.IsReverse = !range.IsReverse;
        range.Skip = behind;
        var members = range.Collect(call.Keyspace, entry);
        members.Reverse();
        WriteAll(call, members, options.WithScores);
    }

    private static void Write(Call call, Entry entry, MemberRange range, bool withScores)
    {
        var reply = call.Reply;
        var start = reply.Length;
        var output = new Output(reply, withScores);
        range.Walk(call.Keyspace, entry, output, static (output, member, score) => output.Write(member, score));
        reply.InsertArray(start, output.Count);
    }

    private static void WriteAll(Call call, List<(byte[] Member, double Score)> members, bool withScores)
    {
        call.Reply.Array(members.Count * (withScores ? 2 : 1));
        var output = new Output(call.Reply, withScores);
        foreach (var (member, score) in members)
        {
            output.Write(member, score);
        }
    }

    private static void CountIn(Call call, MemberRange range)
    {
        if (!call.TryFind(EntryType.SortedSet, out var entry))
        {
            return;
        }

        var counter = new Counter();
        if (entry is not null)
        {
            range.Walk(call.Keyspace, entry, counter, static (counter, _, _) => counter.Count++);
        }

        call.Reply.Integer(counter.Count);
    }

    private static void WriteRank(Call call, bool isReverse)
    {
        if (!call.TryFind(EntryType.SortedSet, out var entry))
        {
            return;
        }

        if (entry is null || !SortedSet.TryGetScore(call.Keyspace, entry, call[2], out var score))
        {
            call.Reply.Null();
            return;
        }

        var before = SortedSet.CountBefore(call.Keyspace, entry, score, call[2]);
        call.Reply.Integer(isReverse ? entry.Count - 1 - before : before);
    }

    private static void Remove(Call call, Entry? entry, MemberRange range)
    {
        List<(byte[] Member, double Score)> members = entry is null ? [] : range.Collect(call.Keyspace, entry);
        foreach (var (member, score) in members)
        {
            SortedSet.Remove(call.Keyspace, entry!, member, score);
        }

        call.Reply.Integer(members.Count);
    }

    private static void Pop(Call call, bool isReverse)
    {
        var most = 1L;
        if (call.Count > 3)
        {
            call.Reply.Error(Call.SyntaxError);
            return;
        }

        if (call.Count == 3 && (!Numbers.TryParse(call[2], out most) || most < 0))
        {
            call.Reply.Error("ERR value is out of range, must be positive");
            return;
        }

        if (!call.TryFind(EntryType.SortedSet, out var entry))
        {
            return;
        }

        List<(byte[] Member, double Score)> members =
            entry is null ? [] : new MemberRange { IsReverse = isReverse, Take = most }.Collect(call.Keyspace, entry);
        WriteAll(call, members, withScores: true);
        foreach (var (member, score) in members)
        {
            SortedSet.Remove(call.Keyspace, entry!, member, score);
        }
    }

    /// <summary>The words behind a range's two ends.</summary>
    private record struct RangeOptions(By By, bool IsReverse, long Skip, long Take, bool WithScores)
    {
        public static bool TryRead(Call call, out RangeOptions options) => TryRead(call, By.Rank, isReverse: false, isFixed: false, out options);

        public static bool TryRead(Call call, By by, bool isReverse, out RangeOptions options) => TryRead(call, by, isReverse, isFixed: true, out options);

        private static bool TryRead(Call call, By by, bool isReverse, bool isFixed, out RangeOptions options)
        {
            options = new RangeOptions(by, isReverse, 0, -1, false);
            for (var i = 4; i < call.Count; i++)
            {
                if (call.Is(i, "withscores"u8))
                {
                    options.WithScores = true;
                }
                else if (call.Is(i, "limit"u8) && i + 2 < call.Count)
                {
                    if (!call.TryInteger(i + 1, out var skip) || !call.TryInteger(i + 2, out var take))
                    {
                        return false;
                    }

                    (options.Skip, options.Take) = (skip, take);
                    i += 2;
                }
                else if (!isFixed && call.Is(i, "rev"u8))
                {
                    options.IsReverse = true;
                }
                else if (!isFixed && call.Is(i, "byscore"u8))
                {
                    options.By = By.Score;
                }
                else if (!isFixed && call.Is(i, "bylex"u8))
                {
                    options.By = By.Name;
                }
                else
                {
                    call.Reply.Error(Call.SyntaxError);
                    return false;
                }
            }

            // Redis sees no limit in one without an end.
            var refusal = options.Take != -1 && options.By == By.Rank
                ? "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX"
                : options.WithScores && options.By == By.Name
                    ? "ERR syntax error, WITHSCORES not supported in combination with BYLEX"
                    : null;
            if (refusal is not null)
            {
                call.Reply.Error(refusal);
            }

            return refusal is null;
        }
    }

    private sealed class Counter
    {
        public long Count { get; set; }
    }

    private sealed class Output(ReplyWriter reply, bool withScores)
    {
        public int Count { get; private set; }

        public void Write(ReadOnlySpan<byte> member, double score)
        {
            reply.Bulk(member);
            Count++;
            if (withScores)
            {
                reply.BulkDouble(score);
                Count++;
            }
        }
    }
}
