namespace Relay.Redis.Queue;

/// <summary>Shares of partitions that are away: to read them would be in vain until these are back. Guarded by the window's lock.</summary>
internal sealed class ParkedShares
{
    private readonly Dictionary<Partition, HashSet<LaneShare>> _shares = [];

    public void Add(LaneShare share)
    {
        share.IsParked = true;
        if (!_shares.TryGetValue(share.Partition, out var parked))
        {
            _shares[share.Partition] = parked = [];
        }

        parked.Add(share);
    }

    /// <summary>The share is forgotten, and does not come back with its partition.</summary>
    public void Remove(LaneShare share)
    {
        if (share.IsParked && _shares.TryGetValue(share.Partition, out var parked))
        {
            share.IsParked = false;
            parked.Remove(share);
        }
    }

    /// <summary>The partition is back, or not ours any more.</summary>
    public IReadOnlyCollection<LaneShare> TakeAll(Partition partition)
    {
        if (!_shares.Remove(partition, out var parked))
        {
            return [];
        }

        foreach (var share in parked)
        {
            share.IsParked = false;
        }

        return parked;
    }
}
