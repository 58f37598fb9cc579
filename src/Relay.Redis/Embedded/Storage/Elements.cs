namespace Relay.Redis.Embedded.Storage;

/// <summary>The elements of hashes and sets: one key each.</summary>
internal static class Elements
{
    // Before the name: letter and id.
    private const int NameStart = 9;

    public static ReadOnlySpan<byte> NameOf(ReadOnlySpan<byte> key) => key[NameStart..];

    public static Scan Scan(Keyspace keyspace, Entry entry) =>
        keyspace.Database.Scan(keyspace.Keys.Element(entry.Id, []).ToArray(), keyspace.Keys.Element(entry.Id + 1, []));

    public static bool Contains(Keyspace keyspace, Entry entry, ReadOnlySpan<byte> name)
    {
        using var value = keyspace.Database.Get(keyspace.Keys.Element(entry.Id, name));
        return value.Exists;
    }

    /// <summary>True when there was none of that name.</summary>
    public static bool Put(Keyspace keyspace, Entry entry, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        var isNew = !Contains(keyspace, entry, name);
        keyspace.Database.Put(keyspace.Keys.Element(entry.Id, name), value);
        entry.Count += isNew ? 1 : 0;
        keyspace.Change(entry);
        return isNew;
    }

    /// <summary>Takes an element out; with the last one goes the collection. False when there is none.</summary>
    public static bool Remove(Keyspace keyspace, Entry entry, ReadOnlySpan<byte> name)
    {
        if (!Contains(keyspace, entry, name))
        {
            return false;
        }

        keyspace.Database.Delete(keyspace.Keys.Element(entry.Id, name));
        entry.Count--;
        if (entry.Count == 0)
        {
            keyspace.Delete(entry);
        }
        else
        {
            keyspace.Change(entry);
        }

        return true;
    }
}
