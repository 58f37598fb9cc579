using System.Globalization;
using System.Text;
using Relay.Redis.Embedded.Storage;
using Relay.Redis.Embedded.Wire;

namespace Relay.Redis.Embedded.Commands;

internal static class Hashes
{
    public static void Get(Call call)
    {
        if (call.TryFind(EntryType.Hash, out var entry))
        {
            Write(call, entry, call[2]);
        }
    }

    public static void GetMany(Call call)
    {
        if (call.TryFind(EntryType.Hash, out var entry))
        {
            call.Reply.Array(call.Count - 2);
            for (var i = 2; i < call.Count; i++)
            {
                Write(call, entry, call[i]);
            }
        }
    }

    public static void GetAll(Call call) => WriteAll(call, names: true, values: true);

    public static void Fields(Call call) => WriteAll(call, names: true, values: false);

    public static void Values(Call call) => WriteAll(call, names: false, values: true);

    public static void Length(Call call)
    {
        if (call.TryFind(EntryType.Hash, out var entry))
        {
            call.Reply.Integer(entry?.Count ?? 0);
        }
    }

    public static void Exists(Call call)
    {
        if (call.TryFind(EntryType.Hash, out var entry))
        {
            using var value = Find(call, entry, call[2]);
            call.Reply.Integer(value.Exists ? 1 : 0);
        }
    }

    public static void ValueLength(Call call)
    {
        if (call.TryFind(EntryType.Hash, out var entry))
        {
            using var value = Find(call, entry, call[2]);
            call.Reply.Integer(value.Span.Length);
        }
    }

    public static void Scan(Call call)
    {
        if (call.TryFind(EntryType.Hash, out var entry))
        {
            ElementScan.Run(call, entry, Prefix(call, entry), width: 2, static (call, name, value) =>
            {
                call.Reply.Bulk(name);
                call.Reply.Bulk(value);
            });
        }
    }

    public static void Set(Call call)
    {
        if (TrySet(call, "hset", out var added))
        {
            call.Reply.Integer(added);
        }
    }

    public static void SetMany(Call call)
    {
        if (TrySet(call, "hmset", out _))
        {
            call.Reply.Ok();
        }
    }

    public static void SetIfNone(Call call)
    {
        if (!call.TryFind(EntryType.Hash, out var entry))
        {
            return;
        }

        bool isThere;
        using (var value = Find(call, entry, call[2]))
        {
            isThere = value.Exists;
        }

        if (!isThere)
        {
            Put(call, entry ?? call.Keyspace.FindOrMake(call[1], EntryType.Hash), call[2], call[3]);
        }

        call.Reply.Integer(isThere ? 0 : 1);
    }

    public static void Delete(Call call)
    {
        if (!call.TryFind(EntryType.Hash, out var entry))
        {
            return;
        }

        var deleted = 0;
        for (var i = 2; i < call.Count && entry is { Exists: true }; i++)
        {
            if (Elements.Remove(call.Keyspace, entry, call[i]))
            {
                deleted++;
            }
        }

        call.Reply.Integer(deleted);
    }

    public static void IncrementBy(Call call)
    {
        if (!call.TryInteger(3, out var by) || !call.TryFind(EntryType.Hash, out var entry))
        {
            return;
        }

        long number = 0;
        using (var value = Find(call, entry, call[2]))
        {
            if (value.Exists && !Numbers.TryParse(value.Span, out number))
            {
                call.Reply.Error("ERR hash value is not an integer");
                return;
            }
        }

        if ((by > 0 && number > long.MaxValue - by) || (by < 0 && number < long.MinValue - by))
        {
            call.Reply.Error("ERR increment or decrement would overflow");
            return;
        }

        number += by;
        entry ??= call.Keyspace.FindOrMake(call[1], EntryType.Hash);
        Put(call, entry, call[2], Encoding.ASCII.GetBytes(number.ToString(CultureInfo.InvariantCulture)));
        call.Reply.Integer(number);
    }

    private static bool TrySet(Call call, string name, out int added)
    {
        added = 0;
        if (call.Count % 2 != 0)
        {
            call.Reply.Error($"ERR wrong number of arguments for '{name}' command");
            return false;
        }

        if (!call.TryFind(EntryType.Hash, out var entry))
        {
            return false;
        }

        entry ??= call.Keyspace.FindOrMake(call[1], EntryType.Hash);
        for (var i = 2; i < call.Count; i += 2)
        {
            added += Put(call, entry, call[i], call[i + 1]) ? 1 : 0;
        }

        return true;
    }

    private static bool Put(Call call, Entry entry, ReadOnlySpan<byte> field, ReadOnlySpan<byte> value) =>
        Elements.Put(call.Keyspace, entry, field, value);

    private static Value Find(Call call, Entry? entry, ReadOnlySpan<byte> field) =>
        entry is null ? default : call.Keyspace.Database.Get(call.Keyspace.Keys.Element(entry.Id, field));

    private static void Write(Call call, Entry? entry, ReadOnlySpan<byte> field)
    {
        using var value = Find(call, entry, field);
        if (value.Exists)
        {
            call.Reply.Bulk(value.Span);
        }
        else
        {
            call.Reply.Null();
        }
    }

    private static void WriteAll(Call call, bool names, bool values)
    {
        if (!call.TryFind(EntryType.Hash, out var entry))
        {
            return;
        }

        call.Reply.Array((int)(entry?.Count ?? 0) * (names && values ? 2 : 1));
        if (entry is null)
        {
            return;
        }

        using var scan = Elements.Scan(call.Keyspace, entry);
        while (scan.MoveNext())
        {
            if (names)
            {
                call.Reply.Bulk(Elements.NameOf(scan.Key));
            }

            if (values)
            {
                call.Reply.Bulk(scan.Value);
            }
        }
    }

    private static byte[] Prefix(Call call, Entry? entry) => call.Keyspace.Keys.Element(entry?.Id ?? 0, []).ToArray();
}
