using System.Buffers.Binary;

namespace Relay.Redis.Embedded.Storage;

/// <summary>Takes away what nobody asks for any more, a little at a time: keys that expired, elements of deleted collections.</summary>
internal sealed class Upkeep(Keyspace keyspace)
{
    // Some milliseconds of work at most, since every command waits behind it.
    private const int MostAtOnce = 512;

    private ulong _id;
    private byte[] _resume = [];

    /// <summary>Does a step. True when there is more to do at once.</summary>
    public bool Step() => Expire() | Sweep();

    private bool Expire()
    {
        if (keyspace.EarliestExpiry > keyspace.Now)
        {
            return false;
        }

        var due = new List<byte[]>();
        long next;
        using (var scan = keyspace.Database.Scan(keyspace.Keys.Expiry(keyspace.EarliestExpiry, []).ToArray(), "y"u8))
        {
            next = long.MaxValue;
            while (scan.MoveNext())
            {
                next = (long)BinaryPrimitives.ReadUInt64BigEndian(scan.Key[1..]);
                if (next > keyspace.Now || due.Count == MostAtOnce)
                {
                    break;
                }

                due.Add(scan.Key[9..].ToArray());
                next = long.MaxValue;
            }
        }

        // Before the first is deleted: from then on a new key may expire earlier.
        keyspace.EarliestExpiry = next;
        foreach (var key in due)
        {
            // Finding an expired key deletes it.
            keyspace.Find(key);
        }

        return due.Count == MostAtOnce;
    }

    private bool Sweep()
    {
        if (!keyspace.HasGarbage)
        {
            return false;
        }

        if (_id == 0 && !TryFindGarbage())
        {
            keyspace.HasGarbage = false;
            return false;
        }

        var last = keyspace.Sweep(_id, _resume, MostAtOnce);
        if (last is null)
        {
            keyspace.Database.Delete(keyspace.Keys.Garbage(_id));
            _id = 0;
        }

        _resume = last ?? [];
        return true;
    }

    private bool TryFindGarbage()
    {
        using var scan = keyspace.Database.Scan("g"u8, "h"u8);
        if (!scan.MoveNext())
        {
            return false;
        }

        _id = BinaryPrimitives.ReadUInt64BigEndian(scan.Key[1..]);
        return true;
    }
}
