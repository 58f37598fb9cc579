using Relay.Mail.Queue;

namespace Relay.Redis.Queue;

/// <summary>Units taken out of delivery's reach, so that what was asked of the owner can be done to them.</summary>
internal sealed partial class Window
{
    // Leased units that are claimed: none at nearly any time, so that the way of every message need not look.
    private volatile int _awaited;

    /// <summary>Whether a leased unit may be tried now: it is not suspended, and nothing was asked of its owner that comes first.</summary>
    public bool MayBegin(Lease lease)
    {
        if (_suspended.Find(lease.Unit.Lane, lease.Id.Message) is not null)
        {
            return false;
        }

        if (_awaited == 0)
        {
            return true;
        }

        lock (_lock)
        {
            return !_held.TryGetValue(lease.Id, out var held) || !held.IsAwaited;
        }
    }

    /// <summary>A leased unit's final dot is about to be sent.</summary>
    public void BeginDot(UnitId id)
    {
        lock (_lock)
        {
            if (_held.TryGetValue(id, out var held))
            {
                held.IsPastDot = true;
            }
        }
    }

    /// <summary>The remote may have the unit: how its attempt ended is not known yet.</summary>
    public bool IsPastDot(UnitId id)
    {
        lock (_lock)
        {
            return _held.TryGetValue(id, out var held) && held is { Phase: HeldPhase.Leased, IsPastDot: true };
        }
    }

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
                    MarkAwaitedHoldingLock(held, true);
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

                MarkAwaitedHoldingLock(held, false);
                if (held.Phase == HeldPhase.Claimed)
                {
                    LeaveInStoreHoldingLock(held.Share, held.Due);
                    ForgetHoldingLock(held);
                }
            }
        }
    }

    private void MarkAwaitedHoldingLock(HeldUnit held, bool isAwaited)
    {
        if (held.IsAwaited != isAwaited)
        {
            held.IsAwaited = isAwaited;
            _awaited += isAwaited ? 1 : -1;
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
