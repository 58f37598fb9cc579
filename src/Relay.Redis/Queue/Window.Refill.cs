using Relay.Mail.Queue;

namespace Relay.Redis.Queue;

/// <summary>The window's side of refilling: which lanes have more in the store, and what came back.</summary>
internal sealed partial class Window
{
    // Milliseconds. Reading again at once would find no room again.
    private const int NoRoomPause = 1_000;

    // Lanes are remembered by name, so their number must be bounded too; what is beyond is looked at again later.
    private const int MaxLanes = 65_536;

    // A lane stands in many partitions; each read may bring all it wants.
    private const int ReadsAtOnce = 2;

    /// <summary>Ends when a lane should be read.</summary>
    public Task Hunger
    {
        get
        {
            lock (_lock)
            {
                return _hunger.Signal;
            }
        }
    }

    /// <summary>The lanes to read now, at most so many; the time at which the next is due.</summary>
    public (IReadOnlyList<LaneShare> Shares, long NextDue) TakeHungry(int limit)
    {
        lock (_lock)
        {
            var now = Now;
            foreach (var share in _hunger.TakeDue(now))
            {
                ReadIfHungryHoldingLock(share, now);
            }

            var taken = new List<LaneShare>();
            while (taken.Count < limit && _hunger.TryTake(out var share))
            {
                if (share.IsCurrent && share.NextInStore <= now && !share.Turn.IsHeldBack)
                {
                    share.IsRefilling = true;
                    taken.Add(share);
                }
                else
                {
                    share.Turn.Reads--;
                    AskForMoreHoldingLock(share.Turn);
                }
            }

            return (taken, _hunger.NextDue);
        }
    }

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

    /// <summary>A lane that stands in <c>lanes</c> as due: nobody here may have heard of it. False when it cannot be remembered now.</summary>
    public bool TryDiscover(Partition partition, Lane lane, long due)
    {
        lock (_lock)
        {
            if (IsSuspendedHoldingLock(lane))
            {
                return true;
            }

            if (_lanes.Count >= MaxLanes && !_lanes.Contains(lane))
            {
                return false;
            }

            if (partition.IsServed && _lanes.GetShare(partition, lane) is { IsBlind: true } share)
            {
                LeaveInStoreHoldingLock(share, due);
            }

            return true;
        }
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

    /// <summary>Wakes whoever waits for <see cref="Hunger"/>: a partition is to be looked at.</summary>
    public void WakeRefill()
    {
        lock (_lock)
        {
            _hunger.Wake();
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
    /// A read of the lane begins. From here on, what is settled stays known until the read has come back, and what is left
    /// in the store lowers the time anew. Returns how many entries are to be read to find <paramref name="wanted"/> new ones.
    /// </summary>
    public int BeginRefill(LaneShare share, int wanted)
    {
        lock (_lock)
        {
            _held.BeginRead(share.Partition);
            share.ReadFrom = share.NextInStore;
            share.NextInStore = LaneShare.Nothing;
            return share.Held + share.Further + wanted;
        }
    }

    /// <summary>The lane's entries came, in order: makes those known that were not, as far as there is room, and returns them.</summary>
    /// <param name="complete">The lane has no more entries.</param>
    public IReadOnlyList<UnitId> Found(LaneShare share, IReadOnlyList<(UnitId Id, long Due)> entries, bool complete, int wanted)
    {
        lock (_lock)
        {
            var now = Now;
            var found = new List<UnitId>();
            var passedAll = true;
            wanted = Math.Clamp(_room.FreeUnits, 1, wanted);
            foreach (var (id, due) in entries)
            {
                if (_held.Contains(id))
                {
                    continue;
                }

                if (due > now || found.Count >= wanted || !share.IsCurrent)
                {
                    LeaveInStoreHoldingLock(share, due);
                    passedAll = false;
                    break;
                }

                _held.Add(id, share, due, HeldPhase.Loading);
                found.Add(id);
            }

            _lanes.WasRead(share);
            if (!complete && passedAll)
            {
                // All of what was read is held already or was taken; what follows is due no earlier than the last.
                LeaveInStoreHoldingLock(share, entries.Count > 0 ? entries[^1].Due : share.ReadFrom);
            }

            // Units leased before the partition was lost and won again are not counted in the share; read past them.
            share.Further = found.Count == 0 && !complete ? share.Further + wanted : 0;

            return found;
        }
    }

    /// <summary>The record of a found unit was read, so it waits now. False when there is no room: it is left in the store.</summary>
    public bool TryLoad(LaneShare share, Lease lease)
    {
        lock (_lock)
        {
            if (!_held.TryGet(lease.Id, HeldPhase.Loading, out var held) || held.Share != share)
            {
                return true;
            }

            if (TrySuspendHoldingLock(held))
            {
                return true;
            }

            if (TryMakeRoomHoldingLock(held.Lane, OctetsOf(lease.Message)))
            {
                held.Lease = lease;
                WaitHoldingLock(held);
                return true;
            }

            _held.Forget(held);
            share.NextInStore = Math.Min(share.NextInStore, held.Due);
            share.NotBefore = Now + NoRoomPause;
            _hunger.LookAt(share, share.NotBefore);
            return false;
        }
    }

    /// <summary>The record of a found unit is not there, so it is out of sight until <see cref="TryLookAgain"/>.</summary>
    public void Hide(UnitId id)
    {
        lock (_lock)
        {
            if (_held.TryGet(id, HeldPhase.Loading, out var held))
            {
                held.Phase = HeldPhase.Missing;
            }
        }
    }

    /// <summary>The entry is out of its lane.</summary>
    public void SetAside(UnitId id)
    {
        lock (_lock)
        {
            if (_held.TryGet(id, out var held))
            {
                EndHoldingLock(held);
            }
        }
    }

    /// <summary>A hidden or found unit is to be looked at again. False when it is neither by now.</summary>
    public bool TryLookAgain(UnitId id)
    {
        lock (_lock)
        {
            if (_held.TryGet(id, out var held) && held.Phase is HeldPhase.Missing or HeldPhase.Loading)
            {
                GiveBackHoldingLock(held);
                return true;
            }

            return false;
        }
    }

    /// <summary>A read ended. One that failed is to be begun again from where it began.</summary>
    public void EndRefill(LaneShare share, bool failed)
    {
        lock (_lock)
        {
            var now = Now;
            share.IsRefilling = false;
            share.Turn.Reads--;
            if (failed)
            {
                LeaveInStoreHoldingLock(share, share.ReadFrom);
            }

            foreach (var ended in _held.EndRead(share.Partition))
            {
                ForgottenHoldingLock(ended);
            }

            NoteQuietHoldingLock(share, now);
            AskForMoreHoldingLock(share.Turn);
            SignalHoldingLock();
        }
    }

    /// <summary>Shares with nothing to do: their lane's lower bound may be raised, and they forgotten.</summary>
    public IReadOnlyList<LaneShare> TakeQuiet(int limit)
    {
        lock (_lock)
        {
            return _hunger.TakeQuiet(limit, Now);
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

    private void ArriveHoldingLock(Partition partition, Lane lane, long due)
    {
        if (!partition.IsServed)
        {
            return;
        }

        // A suspended lane without a share is found in lanes when it may flow; one that has a share is not looked for there, so
        // the share must know of all that it has in the store.
        var share = IsSuspendedHoldingLock(lane) ? _lanes.Find(lane)?.ShareIn(partition) : _lanes.GetShare(partition, lane);
        if (share is not null)
        {
            LeaveInStoreHoldingLock(share, due);
        }
    }

    private void LeaveInStoreHoldingLock(LaneShare share, long due)
    {
        if (!share.IsCurrent)
        {
            ArriveHoldingLock(share.Partition, share.Turn.Lane, due);
            return;
        }

        var now = Now;
        if (due < share.NextInStore)
        {
            share.NextInStore = due;
            if (IsSuspendedHoldingLock(share.Turn.Lane))
            {
                // It is looked for again when it may flow.
            }
            else if (due > now)
            {
                _hunger.LookAt(share, due);
            }
            else
            {
                ReadIfHungryHoldingLock(share, now);
            }
        }

        NoteQuietHoldingLock(share, now);
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
        if (share.Turn.Shares.Count == 0)
        {
            _turns.Leave(share.Turn);
        }
    }

    // The share whose units wait longest goes first; another only when that was not enough.
    private void AskForMoreHoldingLock(LaneTurn lane)
    {
        var now = Now;
        while (WantsMoreHoldingLock(lane) && FirstToRead(lane, now) is { } share)
        {
            _hunger.ReadNow(share);
        }
    }

    private static LaneShare? FirstToRead(LaneTurn lane, long now)
    {
        LaneShare? first = null;
        foreach (var share in lane.Shares)
        {
            if (share.IsToBeRead(now) && (first is null || share.NextInStore < first.NextInStore))
            {
                first = share;
            }
        }

        return first;
    }

    private void ReadIfHungryHoldingLock(LaneShare share, long now)
    {
        if (share.IsToBeRead(now) && WantsMoreHoldingLock(share.Turn))
        {
            _hunger.ReadNow(share);
        }
    }

    // A lane that wants no more now is asked again when it has taken a unit, when a read of it has ended, and when it is let in.
    private bool WantsMoreHoldingLock(LaneTurn lane) =>
        lane.Reads < ReadsAtOnce && lane.Waiting < LowWater && !lane.IsHeldBack && !IsSuspendedHoldingLock(lane.Lane)
        && (lane.Waiting == 0 || _room.Fits(lane, 0));
}
