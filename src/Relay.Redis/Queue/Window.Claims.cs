using Relay.Mail.Queue;

namespace Relay.Redis.Queue;

/// <summary>Units taken out of delivery's reach, so that what was asked of the owner can be done to them.</summary>
internal sealed partial class Window
{
    /// <summary>Whether a leased unit may be tried now: it is not suspended, and nothing was asked of its owner that comes first.</summary>
    public bool MayBegin(Lease lease)
    {
        if (_suspended.Find(lease.Unit.Lane, lease.Id.Message) is not null)
        {
            return false;
        }

        // Nearly always, so that the way of every message need not look.
        if (_held.Awaited == 0)
        {
            return true;
        }

        lock (_lock)
        {
            return !_held.TryGet(lease.Id, out var held) || !held.IsAwaited;
        }
    }

    /// <summary>A leased unit's final dot is about to be sent.</summary>
    public void BeginDot(UnitId id)
    {
        lock (_lock)
        {
            if (_held.TryGet(id, out var held))
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
            return _held.TryGet(id, out var held) && held is { Phase: HeldPhase.Leased, IsPastDot: true };
        }
    }

    /// <summary>An attempt of ours has it, even one of a partition that is no longer ours.</summary>
    public bool IsInFlight(UnitId id)
    {
        lock (_lock)
        {
            return _held.TryGet(id, out var held) && held.Phase == HeldPhase.Leased;
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
            if (!partition.IsServed)
            {
                return [];
            }

            var claimed = new List<UnitId>(units.Count);
            var waiting = new HashSet<HeldUnit>();
            foreach (var (id, lane, due) in units)
            {
                if (!_held.TryGet(id, out var held))
                {
                    held = _held.Add(id, _lanes.GetShare(partition, lane), due, HeldPhase.Claimed);
                }

                if (held.Phase == HeldPhase.Leased)
                {
                    _held.MarkAwaited(held, true);
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

            foreach (var lane in waiting.Select(h => h.Lane).Distinct().ToList())
            {
                TakeOutHoldingLock(lane, waiting);
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
                if (!_held.TryGet(id, out var held))
                {
                    continue;
                }

                _held.MarkAwaited(held, false);
                if (held.Phase == HeldPhase.Claimed)
                {
                    GiveBackHoldingLock(held);
                }
            }
        }
    }

    private void TakeOutHoldingLock(LaneTurn lane, HashSet<HeldUnit> units)
    {
        foreach (var held in lane.TakeWhere(units.Contains))
        {
            _room.Remove(held);
            held.Lease = null;
        }

        HasLessHoldingLock(lane);
    }
}
