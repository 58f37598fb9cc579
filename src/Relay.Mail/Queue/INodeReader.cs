namespace Relay.Mail.Queue;

/// <summary>The nodes that share this store, and who owns which part of the queue.</summary>
public interface INodeReader
{
    /// <summary>May throw <see cref="StoreUnavailableException"/>.</summary>
    ValueTask<NodeOverview> ListAsync(CancellationToken cancellation);
}

/// <param name="Nodes">The longest running first. A node that was killed stays until its lease would have ended.</param>
/// <param name="Unowned">Partitions that nobody owns now; their mail waits until somebody does.</param>
public sealed record NodeOverview(IReadOnlyList<NodeStatus> Nodes, IReadOnlyList<int> Unowned);

/// <param name="Id">The same over restarts.</param>
/// <param name="Name">The machine's.</param>
/// <param name="Since">When it started.</param>
/// <param name="LastSeen">When it said last that it runs, by its own clock.</param>
public sealed record NodeStatus(
    string Id, string Name, IReadOnlyList<string> Roles, string Version, DateTimeOffset Since, DateTimeOffset LastSeen, IReadOnlyList<OwnedPartition> Partitions);

/// <param name="Epoch">Grows with each owner that the partition gets.</param>
/// <param name="Units">That wait in it; null where to count them would cost much.</param>
public sealed record OwnedPartition(int Number, long Epoch, long? Units);
