using Relay.Mail.Queue;

namespace Relay.Redis.Queue;

/// <summary>
/// The window's side of lanes: which are known, and which the store's own lower bound stands for. Their number is bounded, however
/// many have mail: one that only waits makes place, and is found again when all of <c>lanes</c> is looked through.
/// </summary>
internal sealed partial class Window
{
    /// <summary>
    /// The partition's <c>lanes</c> are about to be looked at from this time on. A lane that is known only from its new mail stands
    /// there with the time of that, and not with what the look is for; so it is read by itself, once.
    /// </summary>
    public void BeginLook(Partition partition, long from)
    {
        lock (_lock)
        {
            foreach (var share in _lanes.TakeUnread(partition))
            {
                LeaveInStoreHoldingLock(share, from);
            }
        }
    }

    /// <summary>A lane that stands in <c>lanes</c> as due: nobody here may have heard of it.</summary>
    /// <param name="maySwap">It may take the place of one that is in no better case.</param>
    public Discovery Discover(Partition partition, Lane lane, long due, bool maySwap)
    {
        lock (_lock)
        {
            if (!partition.IsServed || IsSuspendedHoldingLock(lane))
            {
                return Discovery.Known;
            }

            var discovery = Discovery.Known;
            if (_lanes.Find(partition, lane) is not { } share)
            {
                while (_lanes.IsFull)
                {
                    if (_turns.Spare() is not { } spare)
                    {
                        return _lanes.CountOf(lane.Account) < _lanes.Count / 2 ? Discovery.NoPlaceYet : Discovery.NoPlace;
                    }

                    // Whose account has few lanes here takes no turn of those of an account that has many.
                    if (spare.Account.Lanes <= 2 * _lanes.CountOf(lane.Account))
                    {
                        if (!maySwap)
                        {
                            return Discovery.NoPlace;
                        }

                        discovery = Discovery.Swapped;
                    }

                    SendAwayHoldingLock(spare);
                }

                share = _lanes.GetShare(partition, lane);
            }

            if (share.IsBlind && !TryAwaitTurnHoldingLock(share, due, discovery))
            {
                LeaveInStoreHoldingLock(share, due);
            }

            return discovery;
        }
    }

    // Where so many lanes only wait, one more most likely does too. It is read when it has been asked and there is room for it: to
    // read it before would bring what is thrown away again, for each of them, over and over.
    private bool TryAwaitTurnHoldingLock(LaneShare share, long due, Discovery discovery)
    {
        if (discovery != Discovery.Swapped || share.Turn.Shares.Count > 1)
        {
            return false;
        }

        // All that it has stands there from this time on: no look needs to have it read for what it may have missed.
        share.NextInStore = due;
        _lanes.WasRead(share);
        share.Turn.IsStranger = true;
        _turns.Enter(share.Turn);
        return true;
    }

    /// <summary>The store may hold units of the partition of which nobody told: each of its lanes is read anew.</summary>
    public void Doubt(Partition partition)
    {
        lock (_lock)
        {
            foreach (var share in _lanes.All.Select(lane => lane.ShareIn(partition)).OfType<LaneShare>().ToList())
            {
                LeaveInStoreHoldingLock(share, 0);
            }
        }
    }

    /// <summary>Another node accepted mail into a lane of ours.</summary>
    public void Arrived(Partition partition, Lane lane, long due)
    {
        lock (_lock)
        {
            ArriveHoldingLock(partition, lane, due);
        }
    }

    /// <summary>
    /// Shares with nothing to do: their lane's lower bound may be raised, and they forgotten. Those whose partition is away, where it
    /// cannot be raised, are quiet again when that is back: they would else come first each time, and the others never.
    /// </summary>
    public IReadOnlyList<LaneShare> TakeQuiet(int limit)
    {
        lock (_lock)
        {
            var (quiet, timestamp) = (new List<LaneShare>(), _time.GetTimestamp());
            foreach (var share in _hunger.TakeQuiet(limit, Now))
            {
                if (share.Partition.IsAway(timestamp))
                {
                    _parked.Add(share);
                }
                else
                {
                    quiet.Add(share);
                }
            }

            return quiet;
        }
    }

    /// <summary>The lane's lower bound is right now: the share is forgotten, if it is still quiet and holds no earlier time. False when it must stay.</summary>
    public bool TryForget(LaneShare share, long bound)
    {
        lock (_lock)
        {
            if (!share.IsQuiet(Now) || share.NextInStore < bound)
            {
                return false;
            }

            ForgetHoldingLock(share);
            share.Partition.Look.From(bound);
            return true;
        }
    }

    /// <summary>The bound could not be raised; the share is looked at again next time.</summary>
    public void KeepQuiet(LaneShare share)
    {
        lock (_lock)
        {
            NoteQuietHoldingLock(share, Now);
        }
    }

    /// <summary>More lanes are known than there should be for long: those that can be forgotten should be at once.</summary>
    public bool IsCrowded
    {
        get
        {
            lock (_lock)
            {
                return _lanes.IsCrowded;
            }
        }
    }

    // New mail is more likely to leave than what waits behind a gate. Null where all that is known is under way: then it is found
    // in the store.
    private LaneShare? TryPlaceHoldingLock(Partition partition, Lane lane)
    {
        if (_lanes.Find(partition, lane) is { } known)
        {
            return known;
        }

        while (_lanes.IsFull)
        {
            if (_turns.Spare() is not { } spare)
            {
                partition.Look.Overlook(isUrgent: true);
                return null;
            }

            SendAwayHoldingLock(spare);
        }

        var share = _lanes.GetShare(partition, lane);
        share.Turn.IsNew |= share.Turn.Shares.Count == 1;
        return share;
    }

    // All that it has stands in the store, and it in lanes.
    private void SendAwayHoldingLock(LaneTurn lane)
    {
        foreach (var held in lane.TakeAllBut(0))
        {
            _room.Remove(held);
            _held.Forget(held);
        }

        foreach (var share in lane.Shares.ToList())
        {
            share.Partition.Look.Overlook();
            ForgetHoldingLock(share);
        }
    }

    private void ArriveHoldingLock(Partition partition, Lane lane, long due)
    {
        if (!partition.IsServed)
        {
            return;
        }

        // A suspended lane without a share is found in lanes when it may flow; one that has a share is not looked for there, so
        // the share must know of all that it has in the store.
        var share = IsSuspendedHoldingLock(lane) ? _lanes.Find(partition, lane) : TryPlaceHoldingLock(partition, lane);
        if (share is not null)
        {
            LeaveInStoreHoldingLock(share, due);
        }
    }

    private void NoteQuietHoldingLock(LaneShare share, long now)
    {
        if (IsSuspendedHoldingLock(share.Turn.Lane))
        {
            TryForgetSuspendedHoldingLock(share);
        }
        else
        {
            _hunger.NoteQuiet(share, now);
        }
    }

    private void ForgetHoldingLock(LaneShare share)
    {
        _lanes.Remove(share);
        _parked.Remove(share);
        if (share.Turn.Shares.Count == 0)
        {
            _turns.Leave(share.Turn);
        }
    }
}
