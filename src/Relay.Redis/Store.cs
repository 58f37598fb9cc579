using System.Globalization;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis.Connections;
using Relay.Redis.Keys;

namespace Relay.Redis;

/// <summary>The open store: its connections and partitions. Whoever comes before it is open is told that it is away.</summary>
internal sealed class Store
{
    private volatile Opened? _opened;
    private int _doubts;

    public bool IsOpen => _opened is not null;

    /// <summary>It is open, and mail can be written into it as far as its connection tells.</summary>
    public bool IsReachable => _opened is { } opened && opened.Connections.Intake.Multiplexer.IsConnected;

    /// <summary>Every connection to it is there.</summary>
    public bool IsWhole => _opened is { } opened && opened.Connections.AreAllThere;

    public StoreConnections Connections => Now.Connections;

    public IReadOnlyList<Partition> Partitions => Now.Partitions;

    /// <summary>Names this node, over restarts.</summary>
    public string NodeId => Now.NodeId;

    /// <summary>Names this node as owner of partitions, from this start on: what it was before its last end is another owner.</summary>
    public string Owner => Now.Owner;

    /// <summary>This node has looked for its share of the partitions.</summary>
    public bool HasClaimed { get; set; }

    /// <summary>It is not the store that was opened, or has lost all that was in it.</summary>
    public bool IsForeign { get; set; }

    /// <summary>It may lose what it has answered: by a power cut before a flush, or by a replica that takes over and lags.</summary>
    public bool CanGoBack { get; set; } = true;

    /// <summary>A connection was lost or made anew, so that behind it another moment of the store may stand, or another server.</summary>
    public event Action? Doubted;

    /// <summary>How often that was so.</summary>
    public int Doubts => Volatile.Read(ref _doubts);

    /// <summary>Marks this process's events in the outbox.</summary>
    public int Mark { get; } = Random.Shared.Next();

    /// <summary>The name of a unit's note in <c>dots</c>, by one turn of ours as the owner of its partition.</summary>
    public string NoteOf(UnitId unit, long term) => $"{unit}{TurnOf(term)}";

    /// <summary>Whoever wrote it, and in whichever turn.</summary>
    public static bool IsNoteOf(UnitId unit, string name) => name.StartsWith($"{unit} ", StringComparison.Ordinal);

    /// <summary>How the names of all notes of one turn end. No other process, and no other turn, has such names.</summary>
    public string TurnOf(long term) => string.Create(CultureInfo.InvariantCulture, $" {Mark:x8}.{term}");

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
        HasClaimed = false;
        var tags = HashTags.For(partitions);
        _opened = new Opened(connections, [.. tags.Select((tag, number) => new Partition(number, new PartitionKeys(tag)))], nodeId, $"{nodeId}:{Guid.NewGuid():n}");
    }

    public void Close() => _opened = null;

    public void Doubt()
    {
        Interlocked.Increment(ref _doubts);
        foreach (var partition in _opened?.Partitions ?? [])
        {
            partition.Doubt();
        }

        Doubted?.Invoke();
    }

    private Opened Now => _opened ?? throw new StoreUnavailableException("the store is not open");

    private sealed record Opened(StoreConnections Connections, Partition[] Partitions, string NodeId, string Owner);
}
