using Relay.Redis.Embedded.Storage;

namespace Relay.Redis.Embedded.Commands;

internal static class Sets
{
    public static void Members(Call call)
    {
        if (!call.TryFind(EntryType.Set, out var entry))
        {
            return;
        }

        call.Reply.Array((int)(entry?.Count ?? 0));
        if (entry is null)
        {
            return;
        }

        using var scan = Elements.Scan(call.Keyspace, entry);
        while (scan.MoveNext())
        {
            call.Reply.Bulk(Elements.NameOf(scan.Key));
        }
    }

    public static void Count(Call call)
    {
        if (call.TryFind(EntryType.Set, out var entry))
        {
            call.Reply.Integer(entry?.Count ?? 0);
        }
    }

    public static void IsMember(Call call)
    {
        if (call.TryFind(EntryType.Set, out var entry))
        {
            call.Reply.Integer(Contains(call, entry, 2));
        }
    }

    public static void AreMembers(Call call)
    {
        if (call.TryFind(EntryType.Set, out var entry))
        {
            call.Reply.Array(call.Count - 2);
            for (var i = 2; i < call.Count; i++)
            {
                call.Reply.Integer(Contains(call, entry, i));
            }
        }
    }

    public static void Scan(Call call)
    {
        if (call.TryFind(EntryType.Set, out var entry))
        {
            var prefix = call.Keyspace.Keys.Element(entry?.Id ?? 0, []).ToArray();
            ElementScan.Run(call, entry, prefix, width: 1, static (call, name, _) => call.Reply.Bulk(name));
        }
    }

    public static void Add(Call call)
    {
        if (!call.TryFind(EntryType.Set, out var entry))
        {
            return;
        }

        entry ??= call.Keyspace.FindOrMake(call[1], EntryType.Set);
        var added = 0;
        for (var i = 2; i < call.Count; i++)
        {
            if (!Elements.Contains(call.Keyspace, entry, call[i]))
            {
                Elements.Put(call.Keyspace, entry, call[i], []);
                added++;
            }
        }

        call.Reply.Integer(added);
    }

    public static void Remove(Call call)
    {
        if (!call.TryFind(EntryType.Set, out var entry))
        {
            return;
        }

        var removed = 0;
        for (var i = 2; i < call.Count && entry is { Exists: true }; i++)
        {
            if (Elements.Remove(call.Keyspace, entry, call[i]))
            {
                removed++;
            }
        }

        call.Reply.Integer(removed);
    }

    /// <summary>Takes members out; which ones is left to us.</summary>
    public static void Pop(Call call)
    {
        var most = 1L;
        if (call.Count > 3)
        {
            call.Reply.Error(Call.SyntaxError);
            return;
        }

        if ((call.Count == 3 && !call.TryInteger(2, out most)) || !call.TryFind(EntryType.Set, out var entry))
        {
            return;
        }

        if (most < 0)
        {
            call.Reply.Error("ERR value is out of range, must be positive");
            return;
        }

        var popped = new List<byte[]>();
        if (entry is not null)
        {
            using var scan = Elements.Scan(call.Keyspace, entry);
            while (popped.Count < most && scan.MoveNext())
            {
                popped.Add(Elements.NameOf(scan.Key).ToArray());
            }
        }

        if (call.Count == 3)
        {
            call.Reply.Array(popped.Count);
        }
        else if (popped.Count == 0)
        {
            call.Reply.Null();
        }

        foreach (var member in popped)
        {
            Elements.Remove(call.Keyspace, entry!, member);
            call.Reply.Bulk(member);
        }
    }

    private static int Contains(Call call, Entry? entry, int index) =>
        entry is not null && Elements.Contains(call.Keyspace, entry, call[index]) ? 1 : 0;
}
