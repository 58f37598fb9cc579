using Relay.Mail.Queue;

namespace Relay.Redis.Queue;

/// <summary>Units taken out of delivery's reach, so that what was asked of the owner can be done to them.</summary>
internal sealed partial class Window
{
    /// <summary>
    /// Takes units of an owned partition as if they were leased, and returns those it has now. One that is in flight is
    /// taken when it comes back untried; until then, and after an attempt that put it off, it is to be claimed again.
    /// </summary>
    public IReadOnlyList<UnitId> Claim(Partition partition, IReadOnlyList<(UnitId Id, Lane Lane, long Due)> units)
    {
        lock (_lock)
        {
            if (!partition.IsOwned)
            {
                return [];
            }

            var claimed = new List<UnitId>(units.Count);
            var waiting = new HashSet<HeldUnit>();
            foreach (var (id, lane, due) in units)
            {
                if (!_held.TryGetValue(id, out var held))
                {
                    HoldHoldingLock(held = new HeldUnit(id, ShareHoldingLock(partition, lane), due));
                    held.Phase = HeldPhase.Claimed;
                }

                if (held.Phase == HeldPhase.Leased)
                {
                    held.IsAwaited = true;
                }

                if (held.Phase == HeldPhase.Waiting)
                {
                    waiting.Add(held);
                }

                if (held.Phase is HeldPhase.Claimed or HeldPhase.Loading or HeldPhase.Waiting or HeldPhase.Suspended)
                {
                    held.Phase = HeldPhase.Claimed;
                    claimed.Add(id);
                }
            }

            foreach (var turn in waiting.Select(h => h.Share.Turn).Distinct().ToList())
            {
                TakeOutHoldingLock(turn, waiting);
            }

            return claimed;
        }
    }

    /// <summary>What was claimed and not settled goes back to where it was.</summary>
    public void Unclaim(IEnumerable<UnitId> units)
    {
        lock (_lock)
        {
            foreach (var id in units)
            {
                if (!_held.TryGetValue(id, out var held))
                {
                    continue;
                }

                held.IsAwaited = false;
                if (held.Phase == HeldPhase.Claimed)
                {
                    LeaveInStoreHoldingLock(held.Share, held.Due);
                    ForgetHoldingLock(held);
                }
            }
        }
    }

    private void TakeOutHoldingLock(LaneTurn turn, HashSet<HeldUnit> units)
    {
        foreach (var held in turn.RemoveWhere(units.Contains))
        {
            UncountHoldingLock(held);
            held.Lease = null;
        }

        RemoveIfEmptyHoldingLock(turn);
    }
}
