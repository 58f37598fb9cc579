using Relay.Redis.Embedded.Storage;

namespace Relay.Redis.Embedded.Commands;

internal static class Lists
{
    public static void Length(Call call)
    {
        if (call.TryFind(EntryType.List, out var entry))
        {
            call.Reply.Integer(entry?.Count ?? 0);
        }
    }

    public static void Index(Call call)
    {
        if (!call.TryFind(EntryType.List, out var entry) || (entry is not null && !call.TryInteger(2, out _)))
        {
            return;
        }

        if (entry is null)
        {
            call.Reply.Null();
            return;
        }

        call.TryInteger(2, out var index);
        index += index < 0 ? entry.Count : 0;
        if (index < 0 || index >= entry.Count)
        {
            call.Reply.Null();
        }
        else
        {
            Write(call, entry, index);
        }
    }

    public static void Range(Call call)
    {
        if (!call.TryInteger(2, out var start) || !call.TryInteger(3, out var stop) || !call.TryFind(EntryType.List, out var entry))
        {
            return;
        }

        var (first, count) = Clip(start, stop, entry?.Count ?? 0);
        call.Reply.Array((int)count);
        if (count == 0)
        {
            return;
        }

        var keys = call.Keyspace.Keys;
        using var scan = call.Keyspace.Database.Scan(
            keys.Element(entry!.Id, entry.Head + first).ToArray(), keys.Element(entry.Id, entry.Head + first + count));
        while (scan.MoveNext())
        {
            call.Reply.Bulk(scan.Value);
        }
    }

    public static void PushRight(Call call) => Push(call, isLeft: false, onlyIfAny: false);

    public static void PushLeft(Call call) => Push(call, isLeft: true, onlyIfAny: false);

    public static void PushRightIfAny(Call call) => Push(call, isLeft: false, onlyIfAny: true);

    public static void PushLeftIfAny(Call call) => Push(call, isLeft: true, onlyIfAny: true);

    public static void PopRight(Call call) => Pop(call, isLeft: false);

    public static void PopLeft(Call call) => Pop(call, isLeft: true);

    public static void Set(Call call)
    {
        if (!call.TryFind(EntryType.List, out var entry))
        {
            return;
        }

        if (entry is null)
        {
            call.Reply.Error("ERR no such key");
            return;
        }

        if (!call.TryInteger(2, out var index))
        {
            return;
        }

        index += index < 0 ? entry.Count : 0;
        if (index < 0 || index >= entry.Count)
        {
            call.Reply.Error("ERR index out of range");
            return;
        }

        call.Keyspace.Database.Put(call.Keyspace.Keys.Element(entry.Id, entry.Head + index), call[3]);
        call.Keyspace.Change(entry);
        call.Reply.Ok();
    }

    public static void Trim(Call call)
    {
        if (!call.TryInteger(2, out var start) || !call.TryInteger(3, out var stop) || !call.TryFind(EntryType.List, out var entry))
        {
            return;
        }

        if (entry is not null)
        {
            var (first, count) = Clip(start, stop, entry.Count);
            if (count == 0)
            {
                call.Keyspace.Delete(entry);
            }
            else
            {
                Drop(call.Keyspace, entry, entry.Count - first - count, isLeft: false);
                Drop(call.Keyspace, entry, first, isLeft: true);
            }
        }

        call.Reply.Ok();
    }

    /// <summary>Takes out elements by value; those behind move up, so it takes as long as the list is.</summary>
    public static void Remove(Call call)
    {
        if (!call.TryInteger(2, out var count) || !call.TryFind(EntryType.List, out var entry))
        {
            return;
        }

        if (entry is null)
        {
            call.Reply.Integer(0);
            return;
        }

        var all = ReadAll(call.Keyspace, entry);
        var most = count == 0 ? all.Count : (int)Math.Min(Math.Abs(count), all.Count);
        var removed = new HashSet<int>();
        for (var i = 0; i < all.Count && removed.Count < most; i++)
        {
            var index = count < 0 ? all.Count - 1 - i : i;
            if (call[3].SequenceEqual(all[index]))
            {
                removed.Add(index);
            }
        }

        if (removed.Count == all.Count)
        {
            call.Keyspace.Delete(entry);
        }
        else if (removed.Count > 0)
        {
            MoveUp(call.Keyspace, entry, all, removed);
        }

        call.Reply.Integer(removed.Count);
    }

    private static void MoveUp(Keyspace keyspace, Entry entry, List<byte[]> all, HashSet<int> removed)
    {
        var to = removed.Min();
        for (var from = to; from < all.Count; from++)
        {
            if (!removed.Contains(from))
            {
                keyspace.Database.Put(keyspace.Keys.Element(entry.Id, entry.Head + to++), all[from]);
            }
        }

        Drop(keyspace, entry, removed.Count, isLeft: false);
    }

    private static List<byte[]> ReadAll(Keyspace keyspace, Entry entry)
    {
        var all = new List<byte[]>();
        using var scan = keyspace.Database.Scan(
            keyspace.Keys.Element(entry.Id, entry.Head).ToArray(), keyspace.Keys.Element(entry.Id, entry.Head + entry.Count));
        while (scan.MoveNext())
        {
            all.Add(scan.Value.ToArray());
        }

        return all;
    }

    private static void Push(Call call, bool isLeft, bool onlyIfAny)
    {
        if (!call.TryFind(EntryType.List, out var entry))
        {
            return;
        }

        if (entry is null && onlyIfAny)
        {
            call.Reply.Integer(0);
            return;
        }

        if (entry is null)
        {
            entry = call.Keyspace.FindOrMake(call[1], EntryType.List);

            // Indexes are written as numbers without a sign.
            entry.Head = long.MaxValue / 2;
        }

        for (var i = 2; i < call.Count; i++)
        {
            entry.Head -= isLeft ? 1 : 0;
            var index = isLeft ? entry.Head : entry.Head + entry.Count;
            call.Keyspace.Database.Put(call.Keyspace.Keys.Element(entry.Id, index), call[i]);
            entry.Count++;
        }

        call.Keyspace.Change(entry);
        call.Reply.Integer(entry.Count);
    }

    private static void Pop(Call call, bool isLeft)
    {
        var most = 1L;
        if (call.Count > 3)
        {
            call.Reply.Error($"ERR wrong number of arguments for '{(isLeft ? "lpop" : "rpop")}' command");
            return;
        }

        if (call.Count == 3 && (!Wire.Numbers.TryParse(call[2], out most) || most < 0))
        {
            call.Reply.Error("ERR value is out of range, must be positive");
            return;
        }

        if (!call.TryFind(EntryType.List, out var entry))
        {
            return;
        }

        if (entry is null)
        {
            if (call.Count == 3)
            {
                call.Reply.NullArray();
            }
            else
            {
                call.Reply.Null();
            }

            return;
        }

        var count = Math.Min(most, entry.Count);
        if (call.Count == 3)
        {
            call.Reply.Array((int)count);
        }

        for (var i = 0L; i < count; i++)
        {
            Write(call, entry, isLeft ? i : entry.Count - 1 - i);
        }

        Drop(call.Keyspace, entry, count, isLeft);
    }

    // Takes elements from one end; with the last one goes the list.
    private static void Drop(Keyspace keyspace, Entry entry, long count, bool isLeft)
    {
        if (count == entry.Count)
        {
            keyspace.Delete(entry);
            return;
        }

        var first = isLeft ? entry.Head : entry.Head + entry.Count - count;
        for (var i = 0L; i < count; i++)
        {
            keyspace.Database.Delete(keyspace.Keys.Element(entry.Id, first + i));
        }

        if (count > 0)
        {
            entry.Head += isLeft ? count : 0;
            entry.Count -= count;
            keyspace.Change(entry);
        }
    }

    private static void Write(Call call, Entry entry, long index)
    {
        using var value = call.Keyspace.Database.Get(call.Keyspace.Keys.Element(entry.Id, entry.Head + index));
        call.Reply.Bulk(value.Span);
    }

    private static (long First, long Count) Clip(long start, long stop, long length)
    {
        start = Math.Max(0, start < 0 ? start + length : start);
        stop = Math.Min(length - 1, stop < 0 ? stop + length : stop);
        return start > stop ? (0, 0) : (start, stop - start + 1);
    }
}
