using System.Buffers;
using System.Buffers.Binary;

namespace Relay.Redis.Embedded.Storage;

/// <summary>
/// The Redis keys, as one thread works on them. A turn begins with <see cref="BeginTurn"/>; what it changed goes into
/// the database's batch as it happens, the entries themselves once at its end.
/// </summary>
internal sealed class Keyspace
{
    // A collection this small is deleted at once; a larger one by and by, since nobody may wait for it.
    private const long DeletedAtOnce = 128;

    // Some 200 octets each. What is remembered of a lane is where its head is.
    private const int MostRemembered = 65_536;

    // Ids are reserved in such numbers, so that hardly any turn has to write how far they go.
    private const ulong IdsReserved = 1 << 20;

    private readonly Dictionary<byte[], Entry> _entries = new(OctetsComparer.Instance);
    private readonly Dictionary<byte[], Entry>.AlternateLookup<ReadOnlySpan<byte>> _lookup;
    private readonly List<Entry> _turn = [];
    private ulong _nextId;
    private ulong _reservedId;
    private byte[] _record = new byte[4096];

    public Keyspace(Database database)
    {
        Database = database;
        _lookup = _entries.GetAlternateLookup<ReadOnlySpan<byte>>();
        using var reserved = database.Get("n"u8);
        _nextId = _reservedId = reserved.Exists ? BinaryPrimitives.ReadUInt64BigEndian(reserved.Span) : 1;
    }

    public Database Database { get; }

    public KeyBuilder Keys { get; } = new();

    /// <summary>Unix milliseconds; stands still for a turn.</summary>
    public long Now { get; private set; }

    /// <summary>No key expires before.</summary>
    public long EarliestExpiry { get; set; }

    /// <summary>There may be elements of deleted collections.</summary>
    public bool HasGarbage { get; set; } = true;

    /// <summary>Told of every key that changes.</summary>
    public Action<byte[]>? Changed { get; set; }

    public void BeginTurn(long now) => Now = now;

    /// <summary>Puts the changed entries into the batch.</summary>
    public void EndTurn()
    {
        WriteChanged();
        foreach (var entry in _turn)
        {
            entry.IsInTurn = false;
            if (entry.Type is EntryType.None or EntryType.String)
            {
                _entries.Remove(entry.Key);
            }
        }

        _turn.Clear();
        if (_entries.Count > MostRemembered)
        {
            _entries.Clear();
        }
    }

    /// <summary>Walks all keys, beginning with one. Those that expired are among them.</summary>
    public Scan ScanKeys(ReadOnlySpan<byte> from)
    {
        WriteChanged();
        return Database.Scan(Keys.Entry(from), "l"u8);
    }

    /// <summary>Whether an entry's record is of a key that has not expired.</summary>
    public bool IsLive(ReadOnlySpan<byte> record)
    {
        var expiresAt = Entry.ReadExpiry(record);
        return expiresAt == 0 || expiresAt > Now;
    }

    /// <summary>The key's entry, if there is such a key.</summary>
    public Entry? Find(ReadOnlySpan<byte> key)
    {
        var entry = Load(key);
        if (!entry.Exists)
        {
            return null;
        }

        if (entry.ExpiresAt == 0 || entry.ExpiresAt > Now)
        {
            return entry;
        }

        if (Database.IsWritable)
        {
            Delete(entry);
        }

        return null;
    }

    /// <summary>The key's entry, or a new one of this type.</summary>
    public Entry FindOrMake(ReadOnlySpan<byte> key, EntryType type)
    {
        if (Find(key) is { } found)
        {
            return found;
        }

        var entry = Load(key);
        entry.Type = type;
        if (type != EntryType.String)
        {
            entry.Id = NextId();
        }

        Change(entry);
        return entry;
    }

    public void Change(Entry entry)
    {
        entry.IsChanged = true;
        Changed?.Invoke(entry.Key);
    }

    public void Delete(Entry entry)
    {
        if (entry.Type == EntryType.String)
        {
            if (entry.Id != 0)
            {
                Database.Delete(Keys.Value(entry.Id));
            }
        }
        else if (entry.Count > DeletedAtOnce)
        {
            Database.Put(Keys.Garbage(entry.Id), []);
            HasGarbage = true;
        }
        else
        {
            Sweep(entry.Id, []);
        }

        SetExpiry(entry, 0);
        entry.Type = EntryType.None;
        entry.Id = 0;
        entry.Count = 0;
        entry.Head = 0;
        entry.Inline = [];
        entry.First = null;
        Change(entry);
    }

    /// <param name="at">Unix milliseconds; 0 is never.</param>
    public void SetExpiry(Entry entry, long at)
    {
        if (entry.ExpiresAt == at)
        {
            return;
        }

        if (entry.ExpiresAt != 0)
        {
            Database.Delete(Keys.Expiry(entry.ExpiresAt, entry.Key));
        }

        if (at != 0)
        {
            Database.Put(Keys.Expiry(at, entry.Key), []);
            EarliestExpiry = Math.Min(EarliestExpiry, at);
        }

        entry.ExpiresAt = at;
        Change(entry);
    }

    /// <summary>The octets of a string. Dispose of them before the next write.</summary>
    public StringValue ReadString(Entry entry) =>
        entry.IsInline ? new StringValue(entry.Inline) : new StringValue(Database.Get(Keys.Value(entry.Id)));

    public void WriteString(Entry entry, ReadOnlySpan<byte> octets)
    {
        if (octets.Length <= Entry.LongestInline)
        {
            if (entry.Id != 0)
            {
                Database.Delete(Keys.Value(entry.Id));
                entry.Id = 0;
            }

            entry.Inline = octets.ToArray();
        }
        else
        {
            entry.Id = entry.Id == 0 ? NextId() : entry.Id;
            entry.Inline = [];
            Database.Put(Keys.Value(entry.Id), octets);
        }

        entry.Count = octets.Length;
        Change(entry);
    }

    /// <summary>Deletes some elements of a collection, beginning behind <paramref name="after"/>. The last key it took, or null when none is left.</summary>
    public byte[]? Sweep(ulong id, ReadOnlySpan<byte> after, int most = int.MaxValue)
    {
        var doomed = new List<byte[]>();
        using (var scan = Database.Scan(after.IsEmpty ? Keys.Element(id, []).ToArray() : after, Keys.Element(id + 1, [])))
        {
            while (doomed.Count < most && scan.MoveNext())
            {
                doomed.Add(scan.Key.ToArray());
            }
        }

        foreach (var key in doomed)
        {
            Database.Delete(key);
        }

        return doomed.Count == most ? doomed[^1] : null;
    }

    private Entry Load(ReadOnlySpan<byte> key)
    {
        if (!_lookup.TryGetValue(key, out var entry))
        {
            entry = new Entry(key.ToArray());
            using var record = Database.GetCommitted(Keys.Entry(key));
            if (record.Exists)
            {
                entry.Read(record.Span);
            }

            _entries.Add(entry.Key, entry);
        }

        if (!entry.IsInTurn)
        {
            entry.IsInTurn = true;
            _turn.Add(entry);
        }

        return entry;
    }

    private void WriteChanged()
    {
        foreach (var entry in _turn)
        {
            if (entry.IsChanged)
            {
                Write(entry);
                entry.IsChanged = false;
            }
        }
    }

    private void Write(Entry entry)
    {
        var key = Keys.Entry(entry.Key);
        if (!entry.Exists)
        {
            Database.Delete(key);
            return;
        }

        if (_record.Length < entry.RecordLength)
        {
            _record = new byte[entry.RecordLength];
        }

        entry.Write(_record);
        Database.Put(key, _record.AsSpan(0, entry.RecordLength));
    }

    private ulong NextId()
    {
        if (_nextId == _reservedId)
        {
            _reservedId += IdsReserved;
            Span<byte> number = stackalloc byte[8];
            BinaryPrimitives.WriteUInt64BigEndian(number, _reservedId);
            Database.Put("n"u8, number);
        }

        return _nextId++;
    }
}

/// <summary>The octets of a string, wherever they stand.</summary>
internal readonly ref struct StringValue
{
    private readonly Value _beside;

    public StringValue(byte[] inline) => Span = inline;

    public StringValue(Value beside)
    {
        _beside = beside;
        Span = beside.Span;
    }

    public ReadOnlySpan<byte> Span { get; }

    public void Dispose() => _beside.Dispose();
}
