using Relay.Redis.Embedded.Storage;

namespace Relay.Redis.Embedded.Commands;

/// <summary>HSCAN, SSCAN and ZSCAN: a part of a collection, and where to go on.</summary>
internal static class ElementScan
{
    /// <summary>Writes one element: its name without what the key begins with, and its value.</summary>
    public delegate void ElementWriter(Call call, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value);

    /// <param name="prefix">Of the keys of all elements.</param>
    /// <param name="width">Replies an element.</param>
    public static void Run(Call call, Entry? entry, byte[] prefix, int width, ElementWriter write)
    {
        if (!ScanOptions.TryRead(call, 2, out var options))
        {
            return;
        }

        var reply = call.Reply;
        reply.Array(2);
        var start = reply.Length;
        var found = 0;
        byte[]? next = null;
        if (entry is not null)
        {
            // The last octet of every prefix is below 255, or part of an id that is.
            using var scan = call.Keyspace.Database.Scan(options.From.AsSpan().StartsWith(prefix) ? options.From : prefix, After(prefix));
            for (var looked = 0L; scan.MoveNext(); looked++)
            {
                if (looked == options.Count)
                {
                    next = scan.Key.ToArray();
                    break;
                }

                var name = scan.Key[prefix.Length..];
                if (options.Matches(name))
                {
                    write(call, name, scan.Value);
                    found += width;
                }
            }
        }

        reply.InsertArray(start, found);
        reply.InsertBulkInteger(start, next is null ? 0 : call.Executor.Cursors.Keep(next));
    }

    /// <summary>The first key that does not begin so.</summary>
    public static byte[] After(ReadOnlySpan<byte> prefix)
    {
        var end = prefix.TrimEnd((byte)255).ToArray();
        end[^1]++;
        return end;
    }
}
