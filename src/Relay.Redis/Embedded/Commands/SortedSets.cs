using Relay.Redis.Embedded.Storage;

namespace Relay.Redis.Embedded.Commands;

internal static class SortedSets
{
    private const string NotANumber = "ERR resulting score is not a number (NaN)";

    public static void Count(Call call)
    {
        if (call.TryFind(EntryType.SortedSet, out var entry))
        {
            call.Reply.Integer(entry?.Count ?? 0);
        }
    }

    public static void GetScore(Call call)
    {
        if (call.TryFind(EntryType.SortedSet, out var entry))
        {
            WriteScore(call, entry, 2);
        }
    }

    public static void GetScores(Call call)
    {
        if (call.TryFind(EntryType.SortedSet, out var entry))
        {
            call.Reply.Array(call.Count - 2);
            for (var i = 2; i < call.Count; i++)
            {
                WriteScore(call, entry, i);
            }
        }
    }

    public static void Scan(Call call)
    {
        if (call.TryFind(EntryType.SortedSet, out var entry))
        {
            var prefix = call.Keyspace.Keys.Member(entry?.Id ?? 0, []).ToArray();
            ElementScan.Run(call, entry, prefix, width: 2, static (call, name, value) =>
            {
                call.Reply.Bulk(name);
                call.Reply.BulkDouble(Score.Read(value));
            });
        }
    }

    public static void Add(Call call)
    {
        var options = AddOptions.Read(call);
        if (!TryReadScores(call, options, out var scores))
        {
            return;
        }

        if (!call.TryFind(EntryType.SortedSet, out var entry))
        {
            return;
        }

        int added = 0, moved = 0;
        double? last = null;
        for (var i = 0; i < scores.Length; i++)
        {
            var member = call[options.First + (2 * i) + 1];
            var current = 0.0;
            var isThere = entry is not null && SortedSet.TryGetScore(call.Keyspace, entry, member, out current);
            var next = options.Increments && isThere ? current + scores[i] : scores[i];
            if (double.IsNaN(next))
            {
                call.Reply.Error(NotANumber);
                return;
            }

            if (!options.Allows(isThere, current, next))
            {
                continue;
            }

            last = next;
            if (!isThere)
            {
                entry ??= call.Keyspace.FindOrMake(call[1], EntryType.SortedSet);
                SortedSet.Add(call.Keyspace, entry, member, next);
                added++;
            }
            else if (next != current)
            {
                SortedSet.Move(call.Keyspace, entry!, member, current, next);
                moved++;
            }
        }

        if (!options.Increments)
        {
            call.Reply.Integer(options.CountsChanged ? added + moved : added);
        }
        else if (last is { } score)
        {
            call.Reply.BulkDouble(score);
        }
        else
        {
            call.Reply.Null();
        }
    }

    public static void IncrementBy(Call call)
    {
        if (!call.TryDouble(2, out var by) || !call.TryFind(EntryType.SortedSet, out var entry))
        {
            return;
        }

        var current = 0.0;
        var isThere = entry is not null && SortedSet.TryGetScore(call.Keyspace, entry, call[3], out current);
        var next = isThere ? current + by : by;
        if (double.IsNaN(next))
        {
            call.Reply.Error(NotANumber);
            return;
        }

        if (!isThere)
        {
            SortedSet.Add(call.Keyspace, entry ?? call.Keyspace.FindOrMake(call[1], EntryType.SortedSet), call[3], next);
        }
        else if (next != current)
        {
            SortedSet.Move(call.Keyspace, entry!, call[3], current, next);
        }

        call.Reply.BulkDouble(next);
    }

    public static void Remove(Call call)
    {
        if (!call.TryFind(EntryType.SortedSet, out var entry))
        {
            return;
        }

        var removed = 0;
        for (var i = 2; i < call.Count && entry is { Exists: true }; i++)
        {
            if (SortedSet.TryGetScore(call.Keyspace, entry, call[i], out var score))
            {
                SortedSet.Remove(call.Keyspace, entry, call[i], score);
                removed++;
            }
        }

        call.Reply.Integer(removed);
    }

    private static void WriteScore(Call call, Entry? entry, int index)
    {
        if (entry is not null && SortedSet.TryGetScore(call.Keyspace, entry, call[index], out var score))
        {
            call.Reply.BulkDouble(score);
        }
        else
        {
            call.Reply.Null();
        }
    }

    // All scores are read before any is used: a wrong one leaves the set as it is.
    private static bool TryReadScores(Call call, AddOptions options, out double[] scores)
    {
        scores = [];
        var words = call.Count - options.First;
        if (words == 0 || words % 2 != 0)
        {
            call.Reply.Error(Call.SyntaxError);
            return false;
        }

        if (options.Refusal(words / 2) is { } refusal)
        {
            call.Reply.Error(refusal);
            return false;
        }

        scores = new double[words / 2];
        for (var i = 0; i < scores.Length; i++)
        {
            if (!call.TryDouble(options.First + (2 * i), out scores[i]))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The words between ZADD's key and its first score.</summary>
    private readonly record struct AddOptions(int First, bool OnlyNew, bool OnlyOld, bool OnlyGreater, bool OnlyLess, bool CountsChanged, bool Increments)
    {
        public static AddOptions Read(Call call)
        {
            var options = new AddOptions { First = 2 };
            for (; options.First < call.Count; options = options with { First = options.First + 1 })
            {
                var i = options.First;
                if (call.Is(i, "nx"u8))
                {
                    options = options with { OnlyNew = true };
                }
                else if (call.Is(i, "xx"u8))
                {
                    options = options with { OnlyOld = true };
                }
                else if (call.Is(i, "gt"u8))
                {
                    options = options with { OnlyGreater = true };
                }
                else if (call.Is(i, "lt"u8))
                {
                    options = options with { OnlyLess = true };
                }
                else if (call.Is(i, "ch"u8))
                {
                    options = options with { CountsChanged = true };
                }
                else if (call.Is(i, "incr"u8))
                {
                    options = options with { Increments = true };
                }
                else
                {
                    break;
                }
            }

            return options;
        }

        public string? Refusal(int members) =>
            OnlyNew && OnlyOld ? "ERR XX and NX options at the same time are not compatible"
            : (OnlyGreater && OnlyNew) || (OnlyLess && OnlyNew) || (OnlyGreater && OnlyLess) ? "ERR GT, LT, and/or NX options at the same time are not compatible"
            : Increments && members > 1 ? "ERR INCR option supports a single increment-element pair"
            : null;

        public bool Allows(bool isThere, double current, double next) =>
            isThere
                ? !OnlyNew && !(OnlyGreater && next <= current) && !(OnlyLess && next >= current)
                : !OnlyOld;
    }
}
