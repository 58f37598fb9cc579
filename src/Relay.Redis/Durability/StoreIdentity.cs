using Relay.Redis.Connections;
using Relay.Redis.Embedded;
using Relay.Redis.Keys;
using Relay.Redis.Repartition;
using StackExchange.Redis;

namespace Relay.Redis.Durability;

/// <summary>
/// Knows a store again. Its id is made with it and stands beside this node too: a Redis that was emptied, or that started
/// without its file, would else be taken for a new one, and the mail that was in it would be missed by nobody. The embedded
/// store counts its openings instead.
/// </summary>
internal sealed class StoreIdentity
{
    public const string Field = "id";
    private const string MarkerName = "store.id";

    private string? _id;

    /// <summary>Meets the store at the start. Returns what is odd about it; null when nothing is.</summary>
    /// <exception cref="StoreRefusedException">It is empty, and should not be.</exception>
    public async Task<string?> MeetAsync(IDatabase database, string dataDirectory)
    {
        var marker = Path.Combine(dataDirectory, MarkerName);
        var known = File.Exists(marker) ? (await File.ReadAllTextAsync(marker)).Trim() : null;
        _id = await database.HashGetAsync(StoreKeys.Store, Field, StoreConnections.FromPrimary).InTimeAsync();
        if (_id is null && known is not null)
        {
            throw new StoreRefusedException(
                $"The store is empty, but this relay has kept mail in it: it was emptied, it started without its append-only file, or Relay:Redis leads to another one. "
                + $"Bring it back, or remove '{marker}' to begin anew without that mail");
        }

        _id ??= await MakeAsync(database);
        if (_id is not null && _id != known)
        {
            DataDirectory.WriteDurably(marker, _id);
        }

        return known is not null && known != _id
            ? "Relay:Redis leads to another store than at the last start: mail that waits in the former one is delivered by nobody."
            : null;
    }

    // Null where the store takes no write now. It gets its id at another start.
    private static async Task<string?> MakeAsync(IDatabase database)
    {
        try
        {
            var id = Guid.NewGuid().ToString("n");
            return await database.HashSetAsync(StoreKeys.Store, Field, id, When.NotExists).InTimeAsync()
                ? id
                : await database.HashGetAsync(StoreKeys.Store, Field, StoreConnections.FromPrimary).InTimeAsync();
        }
        catch (RedisServerException)
        {
            return null;
        }
    }

    /// <summary>Looks at the open store. What is wrong with it; null when it is the one that was met.</summary>
    public async Task<string?> LookAsync(IDatabase database, IReadOnlyList<Partition> partitions)
    {
        if (_id is null)
        {
            return null;
        }

        var found = await database.HashGetAsync(StoreKeys.Store, [Field, Repartitioner.PartitionsField, Repartitioner.NoteField], StoreConnections.FromPrimary).InTimeAsync();
        var id = (string?)found[0];
        return id == _id
                ? found[1] == partitions.Count && found[2].IsNull
                    ? null
                    : "The store was given another number of partitions while this relay stood still: what is accepted now would be found by nobody. Start it anew."
            : id is not null ? "The store is not the one that this relay was started on."
            : await database.KeyExistsAsync(partitions[0].Keys.Settled, StoreConnections.FromPrimary).InTimeAsync() ? null
            : "The store was emptied while the relay ran: what waited in it is lost, and no mail is taken until it is brought back or the relay is started anew.";
    }
}
