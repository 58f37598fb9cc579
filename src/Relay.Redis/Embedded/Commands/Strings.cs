using System.Text;
using Relay.Redis.Embedded.Storage;
using Relay.Redis.Embedded.Wire;

namespace Relay.Redis.Embedded.Commands;

internal static class Strings
{
    private const string TooLong = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
    private const string Overflow = "ERR increment or decrement would overflow";

    public static void Get(Call call)
    {
        if (call.TryFind(EntryType.String, out var entry))
        {
            Write(call, entry);
        }
    }

    public static void GetMany(Call call)
    {
        call.Reply.Array(call.Count - 1);
        for (var i = 1; i < call.Count; i++)
        {
            var entry = call.Keyspace.Find(call[i]);
            Write(call, entry?.Type == EntryType.String ? entry : null);
        }
    }

    public static void Length(Call call)
    {
        if (call.TryFind(EntryType.String, out var entry))
        {
            call.Reply.Integer(entry?.Count ?? 0);
        }
    }

    public static void GetRange(Call call)
    {
        if (!call.TryInteger(2, out var start) || !call.TryInteger(3, out var end) || !call.TryFind(EntryType.String, out var entry))
        {
            return;
        }

        var length = entry?.Count ?? 0;
        if ((start < 0 && end < 0 && start > end) || length == 0)
        {
            call.Reply.Bulk([]);
            return;
        }

        start = Math.Max(0, start < 0 ? start + length : start);
        end = Math.Min(length - 1, Math.Max(0, end < 0 ? end + length : end));
        if (start > end)
        {
            call.Reply.Bulk([]);
            return;
        }

        using var value = call.Keyspace.ReadString(entry!);
        call.Reply.Bulk(value.Span[(int)start..(int)(end + 1)]);
    }

    public static void Set(Call call)
    {
        if (!SetOptions.TryRead(call, 3, out var options))
        {
            return;
        }

        var entry = call.Keyspace.Find(call[1]);
        if (options.Returns && entry is not null && entry.Type != EntryType.String)
        {
            call.TryFind(EntryType.String, out _);
            return;
        }

        var isDone = !(options.OnlyIfNone && entry is not null) && !(options.OnlyIfThere && entry is null);
        if (options.Returns)
        {
            Write(call, entry);
        }
        else if (isDone)
        {
            call.Reply.Ok();
        }
        else
        {
            call.Reply.Null();
        }

        if (isDone)
        {
            Put(call, call[1], call[2], options.ExpiresAt, options.KeepsExpiry);
        }
    }

    public static void SetMany(Call call)
    {
        if (call.Count % 2 == 0)
        {
            call.Reply.Error("ERR wrong number of arguments for 'mset' command");
            return;
        }

        PutAll(call);
        call.Reply.Ok();
    }

    public static void SetManyIfNone(Call call)
    {
        if (call.Count % 2 == 0)
        {
            call.Reply.Error("ERR wrong number of arguments for 'msetnx' command");
            return;
        }

        for (var i = 1; i < call.Count; i += 2)
        {
            if (call.Keyspace.Find(call[i]) is not null)
            {
                call.Reply.Integer(0);
                return;
            }
        }

        PutAll(call);
        call.Reply.Integer(1);
    }

    public static void SetIfNone(Call call)
    {
        var isNew = call.Keyspace.Find(call[1]) is null;
        if (isNew)
        {
            Put(call, call[1], call[2], 0, keepsExpiry: false);
        }

        call.Reply.Integer(isNew ? 1 : 0);
    }

    public static void SetWithSeconds(Call call) => SetWithExpiry(call, 1000);

    public static void SetWithMilliseconds(Call call) => SetWithExpiry(call, 1);

    public static void GetAndSet(Call call)
    {
        if (call.TryFind(EntryType.String, out var entry))
        {
            Write(call, entry);
            Put(call, call[1], call[2], 0, keepsExpiry: false);
        }
    }

    public static void GetAndDelete(Call call)
    {
        if (call.TryFind(EntryType.String, out var entry))
        {
            Write(call, entry);
            if (entry is not null)
            {
                call.Keyspace.Delete(entry);
            }
        }
    }

    public static void GetAndExpire(Call call)
    {
        if (!SetOptions.TryRead(call, 2, out var options) || !call.TryFind(EntryType.String, out var entry))
        {
            return;
        }

        Write(call, entry);
        if (entry is null)
        {
            return;
        }

        if (options.Persists)
        {
            call.Keyspace.SetExpiry(entry, 0);
        }
        else if (options.ExpiresAt != 0)
        {
            Keys.SetOrDelete(call.Keyspace, entry, options.ExpiresAt);
        }
    }

    public static void Append(Call call)
    {
        if (!call.TryFind(EntryType.String, out var entry))
        {
            return;
        }

        entry ??= call.Keyspace.FindOrMake(call[1], EntryType.String);
        if (entry.Count + call[2].Length > Limits.LongestCommand)
        {
            call.Reply.Error(TooLong);
            return;
        }

        var whole = new byte[entry.Count + call[2].Length];
        using (var value = call.Keyspace.ReadString(entry))
        {
            value.Span.CopyTo(whole);
        }

        call[2].CopyTo(whole.AsSpan((int)entry.Count));
        call.Keyspace.WriteString(entry, whole);
        call.Reply.Integer(entry.Count);
    }

    public static void Increment(Call call) => Add(call, 1);

    public static void Decrement(Call call) => Add(call, -1);

    public static void IncrementBy(Call call)
    {
        if (call.TryInteger(2, out var by))
        {
            Add(call, by);
        }
    }

    public static void DecrementBy(Call call)
    {
        if (!call.TryInteger(2, out var by))
        {
            return;
        }

        if (by == long.MinValue)
        {
            call.Reply.Error("ERR decrement would overflow");
            return;
        }

        Add(call, -by);
    }

    private static void Add(Call call, long by)
    {
        if (!call.TryFind(EntryType.String, out var entry))
        {
            return;
        }

        long number = 0;
        if (entry is not null)
        {
            using var value = call.Keyspace.ReadString(entry);
            if (!Numbers.TryParse(value.Span, out number))
            {
                call.Reply.Error(Call.NotAnInteger);
                return;
            }
        }

        if ((by > 0 && number > long.MaxValue - by) || (by < 0 && number < long.MinValue - by))
        {
            call.Reply.Error(Overflow);
            return;
        }

        number += by;
        entry ??= call.Keyspace.FindOrMake(call[1], EntryType.String);
        call.Keyspace.WriteString(entry, Encoding.ASCII.GetBytes(number.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        call.Reply.Integer(number);
    }

    private static void SetWithExpiry(Call call, long unit)
    {
        if (!call.TryInteger(2, out var time))
        {
            return;
        }

        if (!SetOptions.TryDeadline(time, unit, call.Keyspace.Now, out var at))
        {
            call.Reply.Error($"ERR invalid expire time in '{(unit == 1 ? "psetex" : "setex")}' command");
            return;
        }

        Put(call, call[1], call[3], at, keepsExpiry: false);
        call.Reply.Ok();
    }

    private static void PutAll(Call call)
    {
        for (var i = 1; i < call.Count; i += 2)
        {
            Put(call, call[i], call[i + 1], 0, keepsExpiry: false);
        }
    }

    private static void Put(Call call, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, long expiresAt, bool keepsExpiry)
    {
        var keyspace = call.Keyspace;
        var entry = keyspace.FindOrMake(key, EntryType.String);
        var next = keepsExpiry ? entry.ExpiresAt : expiresAt;
        if (entry.Type != EntryType.String)
        {
            keyspace.Delete(entry);
            entry = keyspace.FindOrMake(key, EntryType.String);
        }

        keyspace.WriteString(entry, value);
        keyspace.SetExpiry(entry, next);
    }

    private static void Write(Call call, Entry? entry)
    {
        if (entry is null)
        {
            call.Reply.Null();
            return;
        }

        using var value = call.Keyspace.ReadString(entry);
        call.Reply.Bulk(value.Span);
    }
}
