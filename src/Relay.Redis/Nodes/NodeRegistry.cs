using System.Reflection;
using System.Text.Json;
using Microsoft.Extensions.Options;
using Relay.Redis.Connections;
using Relay.Redis.Keys;
using Relay.Redis.Records;
using StackExchange.Redis;

namespace Relay.Redis.Nodes;

/// <summary>
/// Who runs on this store. Each node says so again and again; who is not heard of for the life of a lease is gone.
/// <code>
/// SET relay:node:OWNER record PX lease, SADD relay:nodes OWNER
/// then SMEMBERS relay:nodes, GET each, SREM whoever has no record
/// </code>
/// </summary>
internal sealed class NodeRegistry(Store store, IOptions<StoreOptions> options, TimeProvider time)
{
    private static readonly string Version = (typeof(NodeRegistry).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0").Split('+')[0];

    private readonly DateTimeOffset _since = time.GetUtcNow();
    private volatile IReadOnlyList<NodeRecord> _nodes = [];
    private bool _isKnown;
    private volatile bool _mayHavePeers;

    /// <summary>Another node delivers too, so that it may take over what is ours; or it cannot be told whether one does.</summary>
    public bool HasPeers => _mayHavePeers || OwnsElsewhere;

    /// <summary>Partitions are another node's, as their leases say, whether it stands in the list of nodes or not.</summary>
    public bool OwnsElsewhere { private get; set; }

    private IDatabase Database => store.Connections.Background;

    /// <summary>How many of so many partitions this node should own: as many as everybody, give or take one.</summary>
    public int ShareOf(int partitions)
    {
        var owners = Delivering().ToList();
        var place = owners.IndexOf(store.Owner);
        return place < 0 ? 0 : (partitions / owners.Count) + (place < partitions % owners.Count ? 1 : 0);
    }

    public int DeliveringCount => Delivering().Count();

    public int IntakeCount => _nodes.Count(n => n.Roles.Contains("intake"));

    /// <summary>Nobody else runs on this store, whatever its roles.</summary>
    public bool IsAlone => _nodes.Count <= 1;

    /// <summary>Says that this node runs, and looks who else does.</summary>
    public async Task BeatAsync()
    {
        var own = OwnRecord();
        if (options.Value.IsEmbedded)
        {
            _nodes = [own];
            return;
        }

        try
        {
            await BeatAsync(own);
        }
        catch
        {
            _mayHavePeers = true;
            throw;
        }
    }

    private async Task BeatAsync(NodeRecord own)
    {
        await TellAsync(own);
        var nodes = await ReadAsync();
        if (!_isKnown)
        {
            // Our data directory is locked, so whoever ran on it before us does not run any more.
            foreach (var former in nodes.Where(n => n.Id == own.Id && n.Owner != own.Owner))
            {
                await LeaveAsync(former.Owner);
            }

            nodes = [.. nodes.Where(n => n.Id != own.Id || n.Owner == own.Owner)];
            _isKnown = true;
        }

        _nodes = nodes.Any(n => n.Owner == own.Owner) ? nodes : [.. nodes, own];
        _mayHavePeers = DeliveringCount > (own.Delivers ? 1 : 0);
    }

    private async Task TellAsync(NodeRecord own)
    {
        var (record, life) = (JsonSerializer.SerializeToUtf8Bytes(own, RecordJson.Default.NodeRecord), options.Value.Queue.Lease);
        try
        {
            await Task.WhenAll(Database.StringSetAsync(StoreKeys.Node(own.Owner), record, life), Database.SetAddAsync(StoreKeys.Nodes, own.Owner)).InTimeAsync();
        }
        catch (RedisServerException e) when (FullStore.Refused(e))
        {
            await FullStore.WriteAsync(Database, "SET", StoreKeys.Node(own.Owner), record, "PX", (long)life.TotalMilliseconds);
            await FullStore.WriteAsync(Database, "SADD", StoreKeys.Nodes, own.Owner);
        }
    }

    /// <summary>All that run now, the longest running first.</summary>
    public async Task<IReadOnlyList<NodeRecord>> ReadAsync()
    {
        if (options.Value.IsEmbedded)
        {
            return [OwnRecord()];
        }

        var owners = await Database.SetMembersAsync(StoreKeys.Nodes, StoreConnections.FromPrimary).InTimeAsync();
        var records = await Task.WhenAll(owners.Select(owner => Database.StringGetAsync(StoreKeys.Node(owner.ToString()), StoreConnections.FromPrimary))).InTimeAsync();
        var nodes = new List<NodeRecord>();
        foreach (var (owner, record) in owners.Zip(records))
        {
            if (record.IsNull)
            {
                await Database.SetRemoveAsync(StoreKeys.Nodes, owner).InTimeAsync();
            }
            else if (Read(record) is { } node)
            {
                nodes.Add(node);
            }
        }

        return [.. nodes.OrderBy(n => n.Since).ThenBy(n => n.Owner, StringComparer.Ordinal)];
    }

    /// <summary>This node is about to end: the others need not wait for its silence.</summary>
    public Task LeaveAsync() => options.Value.IsEmbedded ? Task.CompletedTask : LeaveAsync(store.Owner);

    private async Task LeaveAsync(string owner)
    {
        await Database.KeyDeleteAsync(StoreKeys.Node(owner)).InTimeAsync();
        await Database.SetRemoveAsync(StoreKeys.Nodes, owner).InTimeAsync();
    }

    private IEnumerable<string> Delivering() => _nodes.Where(n => n.Delivers).Select(n => n.Owner).Order(StringComparer.Ordinal);

    private NodeRecord OwnRecord() => new()
    {
        Owner = store.Owner,
        Id = store.NodeId,
        Name = Environment.MachineName,
        Roles = options.Value.Roles,
        Version = Version,
        Since = _since,
        LastSeen = time.GetUtcNow(),
        Delivers = options.Value.Delivers,
    };

    // A record of a later version that says nothing to us is a node all the same, but none that shares with us.
    private static NodeRecord? Read(RedisValue record)
    {
        try
        {
            return JsonSerializer.Deserialize(((ReadOnlyMemory<byte>)record).Span, RecordJson.Default.NodeRecord);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
