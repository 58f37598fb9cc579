using System.Globalization;
using Relay.Redis.Connections;
using Relay.Redis.Keys;
using StackExchange.Redis;

namespace Relay.Redis.Repartition;

/// <summary>
/// Gives a store another number of partitions while no relay runs on it. Each key is copied to where its messages now
/// belong, compared, and only then removed, so that a run that is cut off anywhere loses nothing, and the next one ends it.
/// <code>
/// HSET relay:store repartition "FROM TO"       from here on no relay starts
/// each key of the old partitions               see KeyMover
/// HSET relay:store partitions TO, HDEL repartition    once none is left
/// </code>
/// The tags of different numbers of partitions never meet, so old and new keys stand side by side.
/// </summary>
internal sealed class Repartitioner(StoreConnections connections, Action beforeWrite)
{
    /// <summary>In <see cref="StoreKeys.Store"/>: a move that was begun and not ended.</summary>
    public const string NoteField = "repartition";

    public const string PartitionsField = "partitions";

    private const int KeysPerPage = 1_000;

    // A relay that starts just now has read the store's state before our note, and then takes a lease.
    private static readonly TimeSpan UntilSeen = TimeSpan.FromSeconds(2);

    private IDatabase Database => connections.Background;

    /// <summary>Returns how many keys were moved.</summary>
    /// <exception cref="StoreRefusedException">A relay runs on the store, or what was asked for cannot be.</exception>
    public async Task<Repartitioned> RunAsync(int wanted, CancellationToken cancellation)
    {
        if (!int.IsPow2(wanted) || wanted > Mail.Messages.MessageId.Slots)
        {
            throw new StoreRefusedException($"{wanted} partitions: it must be a power of two, at most {Mail.Messages.MessageId.Slots}");
        }

        var (from, isBegun) = await ReadAsync(wanted);
        if (from == wanted && !isBegun)
        {
            return new Repartitioned(from, wanted, 0);
        }

        await BeginAsync(from, wanted, isBegun, cancellation);
        var moved = 0L;
        var mover = new KeyMover(Database, from, HashTags.For(wanted), beforeWrite);
        var old = HashTags.For(from).Index().ToDictionary(tag => tag.Item, tag => tag.Index, StringComparer.Ordinal);

        // A page may miss keys that move meanwhile: done is when a whole look finds none.
        for (var found = 1L; found > 0; moved += found)
        {
            found = 0;
            await foreach (var (key, tag, rest) in KeysAsync(old.Keys, cancellation))
            {
                if (old.TryGetValue(tag, out var partition))
                {
                    await mover.MoveAsync(key, partition, rest, cancellation);
                    found++;
                }
            }
        }

        await EndAsync(wanted);
        return new Repartitioned(from, wanted, moved);
    }

    private async Task<(int From, bool IsBegun)> ReadAsync(int wanted)
    {
        var made = (int?)await Database.HashGetAsync(StoreKeys.Store, PartitionsField, StoreConnections.FromPrimary)
            ?? throw new StoreRefusedException("There is no store of a relay: nothing to repartition");
        var note = (string?)await Database.HashGetAsync(StoreKeys.Store, NoteField, StoreConnections.FromPrimary);
        if (note is null)
        {
            return (made, false);
        }

        var begun = note.Split(' ').Select(n => int.Parse(n, CultureInfo.InvariantCulture)).ToList();
        return begun[1] == wanted
            ? (begun[0], true)
            : throw new StoreRefusedException($"A move from {begun[0]} to {begun[1]} partitions was begun and not ended: end it first, with --partitions {begun[1]}");
    }

    private async Task BeginAsync(int from, int wanted, bool isBegun, CancellationToken cancellation)
    {
        if (!isBegun)
        {
            await RefuseIfAliveAsync(from);
            beforeWrite();
            await Database.HashSetAsync(StoreKeys.Store, NoteField, string.Create(CultureInfo.InvariantCulture, $"{from} {wanted}"));
            await Task.Delay(UntilSeen, cancellation);
        }

        try
        {
            await RefuseIfAliveAsync(from);
        }
        catch (StoreRefusedException) when (!isBegun)
        {
            await Database.HashDeleteAsync(StoreKeys.Store, NoteField);
            throw;
        }
    }

    private async Task RefuseIfAliveAsync(int partitions)
    {
        foreach (var node in await Database.SetMembersAsync(StoreKeys.Nodes, StoreConnections.FromPrimary))
        {
            if (await Database.KeyExistsAsync(StoreKeys.Node(node.ToString()), StoreConnections.FromPrimary))
            {
                throw new StoreRefusedException($"The relay '{node}' runs on this store. Stop every relay first; one that was killed is forgotten after its lease, half a minute by default");
            }
        }

        foreach (var tag in HashTags.For(partitions))
        {
            var owner = await Database.StringGetAsync(new PartitionKeys(tag).Lease, StoreConnections.FromPrimary);
            if (!owner.IsNull)
            {
                throw new StoreRefusedException(
                    $"The relay '{owner}' holds partitions of this store. Stop every relay first; one that was killed gives them up after its lease, half a minute by default");
            }
        }
    }

    private async Task EndAsync(int wanted)
    {
        foreach (var tag in HashTags.For(wanted))
        {
            beforeWrite();
            await Database.KeyDeleteAsync(KeyMover.Taken(tag));
        }

        beforeWrite();
        var step = Database.CreateTransaction();
        _ = step.HashSetAsync(StoreKeys.Store, PartitionsField, wanted, When.Always, CommandFlags.FireAndForget);
        _ = step.HashDeleteAsync(StoreKeys.Store, NoteField, CommandFlags.FireAndForget);
        await step.RunAsync();
    }

    // Every key of a partition, by its tag and the name behind it. A server that is away for a moment is not passed over: what
    // stands on it would be left behind for good.
    private async IAsyncEnumerable<(RedisKey Key, string Tag, string Name)> KeysAsync(
        IEnumerable<string> tags, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        foreach (var server in await connections.PrimariesOfAsync(tags.Select(tag => new PartitionKeys(tag).Settled)))
        {
            await foreach (var key in server.KeysAsync(pattern: "relay:{*", pageSize: KeysPerPage).WithCancellation(cancellation))
            {
                var name = key.ToString();
                var end = name.IndexOf("}:", StringComparison.Ordinal);
                yield return (key, name["relay:{".Length..end], name[(end + 2)..]);
            }
        }
    }
}

/// <summary>What a run did.</summary>
public sealed record Repartitioned(int From, int To, long Keys);
