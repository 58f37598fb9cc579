using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Relay.Redis.Connections;
using Relay.Redis.Nodes;
using Relay.Redis.Steps;
using StackExchange.Redis;

namespace Relay.Redis.Queue;

/// <summary>
/// How many of the partitions this node should have, and how it comes to them: it takes what is nobody's, as far as it is short of
/// its share, and names what it has beyond it.
/// </summary>
internal sealed class PartitionShares(
    Store store, Window window, NodeRegistry nodes, Recovery recovery, Renewals renewals, Wakes wakes, IOptions<StoreOptions> options, TimeProvider time,
    ILogger<PartitionShares> logger)
{
    private readonly TimeSpan _lease = options.Value.Queue.Lease;
    private (int Nodes, int Share) _told;
    private bool _hasClaimed;

    /// <summary>Takes what is due to this node. Returns those that it has beyond its share, for others to have.</summary>
    /// <param name="isListed">This node stands in the list of nodes, and has just read it.</param>
    public async Task<IReadOnlyList<Partition>> TakeDueAsync(bool isListed, Trouble trouble)
    {
        var partitions = store.Partitions;

        // On a cluster the list may stand on a shard that is away. Then nothing is given up, and who has a part, by whose leases the
        // others see it, takes all that is nobody's: how much is due to whom is found out when the list is back.
        var share = isListed ? nodes.ShareOf(partitions.Count) : partitions.Any(p => p.IsOwned) ? partitions.Count : 0;
        if (isListed)
        {
            TellShare(share);
        }

        var database = store.Connections.Background;
        var owners = new ConcurrentDictionary<Partition, string?>();
        await Task.WhenAll(partitions.Where(p => !p.IsOwned).Select(p => trouble.TryAsync(async () =>
            owners[p] = await database.StringGetAsync(p.Keys.Lease, StoreConnections.FromPrimary).InTimeAsync().WaitAsync(renewals.Patience, time))));
        var free = new List<(Partition Partition, string? Owner)>();
        foreach (var (partition, owner) in owners.OrderBy(o => o.Key.Number))
        {
            if (owner is null || owner == store.Owner || IsFormerSelf(owner))
            {
                free.Add((partition, owner));
            }
            else
            {
                await trouble.TryAsync(() => recovery.HandOnAsync(partition));
            }
        }

        nodes.OwnsElsewhere = owners.Values.Any(owner => owner is not null && !owner.StartsWith(store.NodeId, StringComparison.Ordinal));
        var staying = partitions.Where(p => p.IsServed).ToList();
        var due = Math.Max(0, share - staying.Count);
        await Task.WhenAll(free.Take(due).Select(f => trouble.TryAsync(() => TakeAsync(f.Partition, f.Owner))));

        // A renewal that came late may have taken the lease of one that was given away.
        await Task.WhenAll(free.Skip(due).Where(f => f.Owner == store.Owner).Select(f => trouble.TryAsync(() => GiveLeaseAsync(f.Partition))));
        _hasClaimed |= isListed;
        store.HasClaimed |= isListed;
        return [.. staying.Skip(share)];
    }

    /// <summary>From here on another node may have it.</summary>
    public async Task GiveAsync(Partition partition)
    {
        partition.Lose();
        partition.Recent.Clear();
        window.Drop(partition);
        await GiveLeaseAsync(partition);
    }

    private void TellShare(int share)
    {
        if (share > 0 && _told != (nodes.DeliveringCount, share))
        {
            // Whoever has more than its share now is to see us at once.
            _told = (nodes.DeliveringCount, share);
            wakes.ChangeShares();
            if (nodes.HasPeers || _hasClaimed)
            {
                logger.SharesChanged(nodes.DeliveringCount, share, store.Partitions.Count);
            }
        }
    }

    // The lock of the data directory proves that it is gone. Only at the start: a copy of the directory would else take
    // from us what we take from it, for ever.
    private bool IsFormerSelf(string owner) => !_hasClaimed && owner.StartsWith(store.NodeId, StringComparison.Ordinal);

    private async Task TakeAsync(Partition partition, string? holder)
    {
        var asked = time.GetTimestamp();
        if (await TakeOverStep.TryAsync(store.Connections.Background, partition.Keys, store.Owner, holder, _lease) is not { } taken)
        {
            return;
        }

        // Behind the raised epoch nobody else changes its units, and before it is ours nobody here leases them.
        await recovery.MarkAsync(partition, taken.Before);
        partition.Take(taken.Settled, taken.Projected);
        renewals.Renewed(partition, asked);
        window.WakeRefill();
        logger.PartitionTaken(partition.Number, taken.Settled.Epoch);
    }

    private async Task GiveLeaseAsync(Partition partition)
    {
        var step = store.Connections.Background.CreateTransaction();
        step.AddCondition(Condition.StringEqual(partition.Keys.Lease, store.Owner));
        _ = step.KeyDeleteAsync(partition.Keys.Lease, CommandFlags.FireAndForget);
        await step.RunAsync();
        wakes.ChangeShares();
    }
}
