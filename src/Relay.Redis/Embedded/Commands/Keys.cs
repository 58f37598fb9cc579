using Relay.Redis.Embedded.Storage;
using Relay.Redis.Embedded.Wire;

namespace Relay.Redis.Embedded.Commands;

internal static class Keys
{
    public static void Exists(Call call)
    {
        var found = 0;
        for (var i = 1; i < call.Count; i++)
        {
            found += call.Keyspace.Find(call[i]) is null ? 0 : 1;
        }

        call.Reply.Integer(found);
    }

    public static void Delete(Call call)
    {
        var deleted = 0;
        for (var i = 1; i < call.Count; i++)
        {
            if (call.Keyspace.Find(call[i]) is { } entry)
            {
                call.Keyspace.Delete(entry);
                deleted++;
            }
        }

        call.Reply.Integer(deleted);
    }

    public static void TypeOf(Call call) => call.Reply.Simple(NameOf(call.Keyspace.Find(call[1])?.Type ?? EntryType.None));

    public static void SecondsToLive(Call call) => ToLive(call, call.Keyspace.Now, 1000);

    public static void MillisecondsToLive(Call call) => ToLive(call, call.Keyspace.Now, 1);

    public static void ExpirySeconds(Call call) => ToLive(call, 0, 1000);

    public static void ExpiryMilliseconds(Call call) => ToLive(call, 0, 1);

    public static void Expire(Call call) => SetExpiry(call, call.Keyspace.Now, 1000);

    public static void ExpireInMilliseconds(Call call) => SetExpiry(call, call.Keyspace.Now, 1);

    public static void ExpireAt(Call call) => SetExpiry(call, 0, 1000);

    public static void ExpireAtMilliseconds(Call call) => SetExpiry(call, 0, 1);

    public static void Persist(Call call)
    {
        var entry = call.Keyspace.Find(call[1]);
        var had = entry is not null && entry.ExpiresAt != 0;
        if (had)
        {
            call.Keyspace.SetExpiry(entry!, 0);
        }

        call.Reply.Integer(had ? 1 : 0);
    }

    /// <summary>Sets when a key expires; a time that has passed deletes it.</summary>
    public static void SetOrDelete(Keyspace keyspace, Entry entry, long at)
    {
        if (at <= keyspace.Now)
        {
            keyspace.Delete(entry);
        }
        else
        {
            keyspace.SetExpiry(entry, at);
        }
    }

    public static void Matching(Call call)
    {
        var reply = call.Reply;
        var start = reply.Length;
        var found = 0;
        using var scan = call.Keyspace.ScanKeys([]);
        while (scan.MoveNext())
        {
            if (Glob.IsMatch(call[1], scan.Key[1..]) && call.Keyspace.IsLive(scan.Value))
            {
                reply.Bulk(scan.Key[1..]);
                found++;
            }
        }

        reply.InsertArray(start, found);
    }

    public static void Size(Call call)
    {
        var count = 0L;
        using var scan = call.Keyspace.ScanKeys([]);
        while (scan.MoveNext())
        {
            count++;
        }

        call.Reply.Integer(count);
    }

    public static void DeleteAll(Call call)
    {
        var keys = new List<byte[]>();
        using (var scan = call.Keyspace.ScanKeys([]))
        {
            while (scan.MoveNext())
            {
                keys.Add(scan.Key[1..].ToArray());
            }
        }

        foreach (var key in keys)
        {
            if (call.Keyspace.Find(key) is { } entry)
            {
                call.Keyspace.Delete(entry);
            }
        }

        call.Reply.Ok();
    }

    public static void Scan(Call call)
    {
        if (!ScanOptions.TryRead(call, 1, out var options))
        {
            return;
        }

        var reply = call.Reply;
        reply.Array(2);
        var start = reply.Length;
        var found = 0;
        byte[]? next = null;
        using (var scan = call.Keyspace.ScanKeys(options.From))
        {
            for (var looked = 0L; scan.MoveNext(); looked++)
            {
                if (looked == options.Count)
                {
                    next = scan.Key[1..].ToArray();
                    break;
                }

                if (options.Matches(scan.Key[1..]) && call.Keyspace.IsLive(scan.Value) && options.IsOfType(scan.Value))
                {
                    reply.Bulk(scan.Key[1..]);
                    found++;
                }
            }
        }

        reply.InsertArray(start, found);
        reply.InsertBulkInteger(start, next is null ? 0 : call.Executor.Cursors.Keep(next));
    }

    public static ReadOnlySpan<byte> NameOf(EntryType type) => type switch
    {
        EntryType.String => "string"u8,
        EntryType.Hash => "hash"u8,
        EntryType.SortedSet => "zset"u8,
        EntryType.List => "list"u8,
        EntryType.Set => "set"u8,
        _ => "none"u8,
    };

    private static void ToLive(Call call, long now, long unit)
    {
        var entry = call.Keyspace.Find(call[1]);
        if (entry is null)
        {
            call.Reply.Integer(-2);
        }
        else if (entry.ExpiresAt == 0)
        {
            call.Reply.Integer(-1);
        }
        else
        {
            // Rounded, as in Redis; a point in time is cut.
            var left = entry.ExpiresAt - now;
            call.Reply.Integer(unit == 1 ? left : now == 0 ? left / unit : (left + (unit / 2)) / unit);
        }
    }

    private static void SetExpiry(Call call, long now, long unit)
    {
        if (!call.TryInteger(2, out var time))
        {
            return;
        }

        if (time > (long.MaxValue - now) / unit || time < long.MinValue / unit)
        {
            call.Reply.Error($"ERR invalid expire time in '{CommandTable.Find(call[0])!.Name}' command");
            return;
        }

        var entry = call.Keyspace.Find(call[1]);
        if (!TryReadCondition(call, out var condition))
        {
            return;
        }

        var at = (time * unit) + now;
        if (entry is null || !Holds(condition, entry.ExpiresAt, at))
        {
            call.Reply.Integer(0);
            return;
        }

        SetOrDelete(call.Keyspace, entry, at);
        call.Reply.Integer(1);
    }

    private static bool TryReadCondition(Call call, out ExpiryCondition condition)
    {
        condition = ExpiryCondition.None;
        for (var i = 3; i < call.Count; i++)
        {
            var one = call.Is(i, "nx"u8) ? ExpiryCondition.IfNone
                : call.Is(i, "xx"u8) ? ExpiryCondition.IfAny
                : call.Is(i, "gt"u8) ? ExpiryCondition.IfLater
                : call.Is(i, "lt"u8) ? ExpiryCondition.IfEarlier
                : ExpiryCondition.None;
            if (one == ExpiryCondition.None)
            {
                call.Reply.Error($"ERR Unsupported option {System.Text.Encoding.Latin1.GetString(call[i])}");
                return false;
            }

            condition |= one;
        }

        if (condition.HasFlag(ExpiryCondition.IfNone) && condition != ExpiryCondition.IfNone)
        {
            call.Reply.Error("ERR NX and XX, GT or LT options at the same time are not compatible");
            return false;
        }

        if (condition.HasFlag(ExpiryCondition.IfLater | ExpiryCondition.IfEarlier))
        {
            call.Reply.Error("ERR GT and LT options at the same time are not compatible");
            return false;
        }

        return true;
    }

    // A key that never expires does so later than any time.
    private static bool Holds(ExpiryCondition condition, long current, long next) =>
        !(condition.HasFlag(ExpiryCondition.IfNone) && current != 0)
        && !(condition.HasFlag(ExpiryCondition.IfAny) && current == 0)
        && !(condition.HasFlag(ExpiryCondition.IfLater) && (current == 0 || next <= current))
        && !(condition.HasFlag(ExpiryCondition.IfEarlier) && current != 0 && next >= current);

    [Flags]
    private enum ExpiryCondition
    {
        None = 0,
        IfNone = 1,
        IfAny = 2,
        IfLater = 4,
        IfEarlier = 8,
    }
}
