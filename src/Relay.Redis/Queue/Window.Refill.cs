using Relay.Mail.Queue;

namespace Relay.Redis.Queue;

/// <summary>The window's side of refilling: which lanes have more in the store, and what came back.</summary>
internal sealed partial class Window
{
    // Milliseconds until a share is read again whose units found no room: at once there would be none again.
    private const int NoRoomPause = 1_000;

    // Reads of one lane at a time. It may stand in every partition, and one read may bring all that it wants.
    private const int ReadsAtOnce = 2;

    // The lock is not held for longer than these take, however many there are of no use now.
    private const int LooksAtOnce = 1_024;

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
            var (now, timestamp) = (Now, _time.GetTimestamp());
            foreach (var share in _hunger.TakeDue(now))
            {
                ReadIfHungryHoldingLock(share, now);
            }

            var taken = new List<LaneShare>();
            for (var looks = 0; taken.Count < limit && looks < LooksAtOnce && _hunger.TryTake(out var share); looks++)
            {
                if (share.IsCurrent && share.Partition.IsAway(timestamp))
                {
                    // It would only be read in vain; another of the lane's may be read instead.
                    share.Turn.Reads--;
                    _parked.Add(share);
                    AskForMoreHoldingLock(share.Turn);
                }
                else if (share.IsCurrent && share.NextInStore <= now && !share.Turn.IsHeldBack)
                {
                    if (HasRoomHoldingLock(share.Turn))
                    {
                        share.IsRefilling = true;
                        taken.Add(share);
                    }
                    else
                    {
                        share.Turn.Reads--;
                        PauseHoldingLock(share, now);
                    }
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

    /// <summary>The partition's lease is fresh: what was not read while it was not is read now.</summary>
    // After each renewal, since it may have run out in the very moment before.
    public void Returned(Partition partition)
    {
        lock (_lock)
        {
            var now = Now;
            foreach (var share in _parked.TakeAll(partition))
            {
                ReadIfHungryHoldingLock(share, now);
                NoteQuietHoldingLock(share, now);
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

            // In a full window others give way to a lane that has little, one by one: it would else be read for one unit at a time.
            var least = HasRoomHoldingLock(share.Turn) ? Math.Min(LowWater, wanted) : 1;
            wanted = Math.Clamp(_room.FreeUnits, least, wanted);
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
            PauseHoldingLock(share, Now);
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
            if (share.Turn is { Waiting: 0, Reads: 0 })
            {
                share.Turn.LetInBy = null;
            }

            SignalHoldingLock();
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

    // Else all lanes with mail would be read once a second for as long as those in the window keep it full.
    private bool HasRoomHoldingLock(LaneTurn lane) =>
        _room.Fits(lane, 0) || _room.GivingWayTo(lane, 0, isShort: lane.Waiting < LowWater) is not null;

    private void PauseHoldingLock(LaneShare share, long now)
    {
        share.NotBefore = now + NoRoomPause;
        _hunger.LookAt(share, share.NotBefore);
    }

    private void AskForMoreHoldingLock(LaneTurn lane)
    {
        var now = Now;
        while (WantsMoreHoldingLock(lane) && lane.FirstToRead(now) is { } share)
        {
            _hunger.ReadNow(share);
        }
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
