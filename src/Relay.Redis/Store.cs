using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis.Connections;
using Relay.Redis.Keys;
using Relay.Redis.Steps;

namespace Relay.Redis;

/// <summary>The open store: its connections and partitions. Whoever comes before it is open is told that it is away.</summary>
internal sealed class Store
{
    private volatile Opened? _opened;

    public bool IsOpen => _opened is not null;

    public StoreConnections Connections => Now.Connections;

    public IReadOnlyList<Partition> Partitions => Now.Partitions;

    /// <summary>Names this node as owner of partitions, over restarts.</summary>
    public string NodeId => Now.NodeId;

    /// <summary>Marks this process's events in the outbox.</summary>
    public int Mark { get; } = Random.Shared.Next();

    public Partition PartitionOf(MessageId id) => Partitions[id.Partition(Partitions.Count)];

    public Partition PartitionOfSlot(int slot) => Partitions[slot & (Partitions.Count - 1)];

    /// <summary>
    /// Which partitions may share a step: all on one server; on a cluster each alone, since the keys of a step must stand
    /// on one shard.
    /// </summary>
    public int StepGroupOf(Partition partition) => Connections.IsCluster ? partition.Number : 0;

    public int StepGroups => Connections.IsCluster ? Partitions.Count : 1;

    public void Open(StoreConnections connections, int partitions, string nodeId)
    {
        var tags = HashTags.For(partitions);
        _opened = new Opened(connections, [.. tags.Select((tag, number) => new Partition(number, new PartitionKeys(tag)))], nodeId);
    }

    public void Close() => _opened = null;

    private Opened Now => _opened ?? throw new StoreUnavailableException("the store is not open");

    private sealed record Opened(StoreConnections Connections, Partition[] Partitions, string NodeId);
}

/// <summary>One partition as this node sees it. Its fences are changed only by the loops that write its steps.</summary>
internal sealed class Partition(int number, PartitionKeys keys)
{
    private long _liveUntil;
    private volatile bool _isOwned;
    private volatile bool _isToBeLookedAt;

    public int Number { get; } = number;

    public PartitionKeys Keys { get; } = keys;

    /// <summary>This node owns it, as far as it knows.</summary>
    public bool IsOwned
    {
        get => _isOwned;
        set => _isOwned = value;
    }

    /// <summary>Up to this timestamp nobody else can own it; no attempt starts later.</summary>
    public long LiveUntil
    {
        get => Volatile.Read(ref _liveUntil);
        set => Volatile.Write(ref _liveUntil, value);
    }

    /// <summary>When <c>lanes</c> is to be looked at again, in Unix milliseconds: no lane without a share is due before.</summary>
    public long NextLook { get; set; }

    /// <summary>Lanes were passed over that are not to be any more: all of <c>lanes</c> is to be looked at, whenever the next look is due.</summary>
    public bool IsToBeLookedAt
    {
        get => _isToBeLookedAt;
        set => _isToBeLookedAt = value;
    }

    public Fence Settled { get; set; }

    public Fence Projected { get; set; }
}
