using Relay.Mail.Messages;
using Relay.Mail.Queue;

namespace Relay.Redis.Queue;

/// <summary>The window's side of refilling: which lanes have more in the store, and what came back.</summary>
/// <remarks>
/// Every unit in the store is held here, or its share of the lane says that there is more from a time before it is due,
/// or the lane has no share (or a blind one) and stands in the partition's <c>lanes</c> with such a time.
/// </remarks>
internal sealed partial class Window
{
    // Milliseconds.
    private const int NoRoomPause = 1_000;

    // Lanes are remembered by name, so their number must be bounded too; what is beyond is looked at again later.
    private const int MaxLanes = 65_536;

    private readonly Queue<LaneShare> _hungry = new();
    private readonly PriorityQueue<LaneShare, long> _later = new();
    private readonly HashSet<LaneShare> _idle = [];
    private readonly Dictionary<Partition, RefillMemory> _refilling = [];
    private TaskCompletionSource? _hunger;

    /// <summary>Ends when a lane should be read.</summary>
    public Task Hunger
    {
        get
        {
            lock (_lock)
            {
                return _hungry.Count > 0 ? Task.CompletedTask : (_hunger ??= NewSignal()).Task;
            }
        }
    }

    /// <summary>The lanes to read now, at most so many; the time at which the next is due.</summary>
    public (IReadOnlyList<LaneShare> Shares, long NextDue) TakeHungry(int limit)
    {
        lock (_lock)
        {
            var now = Now;
            while (_later.TryPeek(out var share, out var due) && due <= now)
            {
                _later.Dequeue();
                QueueIfHungryHoldingLock(share, now);
            }

            var taken = new List<LaneShare>();
            while (taken.Count < limit && _hungry.TryDequeue(out var share))
            {
                share.IsQueued = false;
                if (IsCurrentHoldingLock(share) && share.NextInStore <= now && !share.IsRefilling)
                {
                    share.IsRefilling = true;
                    taken.Add(share);
                }
            }

            return (taken, _later.TryPeek(out _, out var next) ? next : LaneShare.Nothing);
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

            if (_lanes.Count >= MaxLanes && !_lanes.ContainsKey(lane))
            {
                return false;
            }

            if (partition.IsOwned && ShareHoldingLock(partition, lane) is { IsBlind: true } share)
            {
                LeaveInStoreHoldingLock(share, due);
            }

            return true;
        }
    }

    /// <summary>Wakes whoever waits for <see cref="Hunger"/>: a partition is to be looked at.</summary>
    public void WakeRefill()
    {
        lock (_lock)
        {
            _hunger?.SetResult();
            _hunger = null;
        }
    }

    /// <summary>Another node accepted mail into a lane of ours.</summary>
    public void Arrived(Partition partition, Lane lane, long due)
    {
        lock (_lock)
        {
            if (partition.IsOwned && !IsSuspendedHoldingLock(lane))
            {
                LeaveInStoreHoldingLock(ShareHoldingLock(partition, lane), due);
            }
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
            MemoryHoldingLock(share.Partition).Running++;
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
            wanted = Math.Clamp(_maxUnits - _waitingUnits, 1, wanted);
            foreach (var (id, due) in entries)
            {
                if (_held.ContainsKey(id))
                {
                    continue;
                }

                if (due > now || found.Count >= wanted || !IsCurrentHoldingLock(share))
                {
                    LeaveInStoreHoldingLock(share, due);
                    break;
                }

                HoldHoldingLock(new HeldUnit(id, share, due) { Phase = HeldPhase.Loading });
                found.Add(id);
            }

            share.IsBlind = false;
            if (!complete && share.NextInStore == LaneShare.Nothing)
            {
                // All of what was read is held already or was taken; what follows is due no earlier than the last.
                LeaveInStoreHoldingLock(share, entries[^1].Due);
            }

            // Units leased before the partition was lost and won again are not counted in the share; read past them.
            share.Further = found.Count == 0 && !complete ? share.Further + wanted : 0;

            return found;
        }
    }

    /// <summary>The record of a found unit was read, so it waits now. False when there is no room: it is left in the store.</summary>
    public bool TryLoad(Lease lease)
    {
        lock (_lock)
        {
            if (!_held.TryGetValue(lease.Id, out var held) || held.Phase != HeldPhase.Loading)
            {
                return true;
            }

            if (TrySuspendHoldingLock(held))
            {
                return true;
            }

            if (HasRoomHoldingLock(held.Share.Turn, OctetsOf(lease.Message)))
            {
                held.Lease = lease;
                WaitHoldingLock(held);
                return true;
            }

            ForgetHoldingLock(held);
            PostponeHoldingLock(held.Share, held.Due);
            return false;
        }
    }

    /// <summary>The record of a found unit is not there, so it is out of sight until <see cref="LookAgain"/>.</summary>
    public void Hide(UnitId id)
    {
        lock (_lock)
        {
            if (_held.TryGetValue(id, out var held) && held.Phase == HeldPhase.Loading)
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
            if (_held.TryGetValue(id, out var held))
            {
                GoHoldingLock(held);
            }
        }
    }

    /// <summary>A hidden or found unit is to be looked at again.</summary>
    public void LookAgain(UnitId id)
    {
        lock (_lock)
        {
            if (_held.TryGetValue(id, out var held) && held.Phase is HeldPhase.Missing or HeldPhase.Loading)
            {
                ForgetHoldingLock(held);
                LeaveInStoreHoldingLock(held.Share, held.Due);
            }
        }
    }

    /// <summary>A read ended, whether it succeeded or not.</summary>
    public void EndRefill(LaneShare share, long? failedFrom)
    {
        lock (_lock)
        {
            share.IsRefilling = false;
            if (failedFrom is { } due)
            {
                LeaveInStoreHoldingLock(share, due);
            }

            var memory = MemoryHoldingLock(share.Partition);
            if (--memory.Running == 0)
            {
                foreach (var held in memory.Gone)
                {
                    ForgetHoldingLock(held);
                }

                memory.Gone.Clear();
            }

            NoteIdleHoldingLock(share);
            QueueIfHungryHoldingLock(share, Now);
            SignalHoldingLock();
        }
    }

    /// <summary>Shares with nothing to do: their lane's lower bound may be raised, and they forgotten.</summary>
    public IReadOnlyList<LaneShare> TakeIdle(int limit)
    {
        lock (_lock)
        {
            var idle = _idle.Take(limit).ToList();
            _idle.ExceptWith(idle);
            return [.. idle.Where(IsIdleHoldingLock)];
        }
    }

    /// <summary>The lane's lower bound is right now: the share is forgotten, if it is still idle and holds no earlier time. False when it must stay.</summary>
    public bool TryForget(LaneShare share, long bound)
    {
        lock (_lock)
        {
            if (!IsIdleHoldingLock(share) || share.NextInStore < bound)
            {
                return false;
            }

            share.Turn.Shares.Remove(share.Partition.Number);
            RemoveIfEmptyHoldingLock(share.Turn);
            return true;
        }
    }

    /// <summary>The bound could not be raised; the share is looked at again next time.</summary>
    public void KeepIdle(LaneShare share)
    {
        lock (_lock)
        {
            NoteIdleHoldingLock(share);
        }
    }

    private void GoHoldingLock(HeldUnit held)
    {
        var memory = MemoryHoldingLock(held.Share.Partition);
        if (memory.Running > 0)
        {
            held.Phase = HeldPhase.Gone;
            held.Lease = null;
            memory.Gone.Add(held);
        }
        else
        {
            ForgetHoldingLock(held);
        }
    }

    private void LeaveInStoreHoldingLock(LaneShare share, long due)
    {
        if (due >= share.NextInStore)
        {
            return;
        }

        share.NextInStore = due;
        if (IsSuspendedHoldingLock(share.Turn.Lane))
        {
            return;
        }

        var now = Now;
        if (due > now)
        {
            AwaitHoldingLock(share, due);
            NoteIdleHoldingLock(share);
        }
        else
        {
            QueueIfHungryHoldingLock(share, now);
        }
    }

    // Reading again at once would find no room again.
    private void PostponeHoldingLock(LaneShare share, long due)
    {
        share.NextInStore = Math.Min(share.NextInStore, due);
        AwaitHoldingLock(share, Now + NoRoomPause);
    }

    private void AwaitHoldingLock(LaneShare share, long due)
    {
        var isFirst = !_later.TryPeek(out _, out var first) || due < first;
        _later.Enqueue(share, due);
        if (isFirst)
        {
            _hunger?.SetResult();
            _hunger = null;
        }
    }

    private void AskForMoreHoldingLock(LaneTurn turn)
    {
        var now = Now;
        foreach (var share in turn.Shares.Values)
        {
            QueueIfHungryHoldingLock(share, now);
        }
    }

    private void QueueIfHungryHoldingLock(LaneShare share, long now)
    {
        var turn = share.Turn;
        if (share.IsQueued || share.IsRefilling || share.NextInStore > now || !IsCurrentHoldingLock(share)
            || IsSuspendedHoldingLock(turn.Lane)
            || turn.Waiting >= LowWater
            || (turn.Waiting > 0 && (IsFullHoldingLock(0) || !IsWithinShareHoldingLock(turn.Lane.Account, 0))))
        {
            return;
        }

        share.IsQueued = true;
        _hungry.Enqueue(share);
        _hunger?.SetResult();
        _hunger = null;
    }

    private void NoteIdleHoldingLock(LaneShare share)
    {
        if (IsSuspendedHoldingLock(share.Turn.Lane))
        {
            TryForgetSuspendedHoldingLock(share);
        }
        else if (IsIdleHoldingLock(share))
        {
            _idle.Add(share);
        }
    }

    private bool IsIdleHoldingLock(LaneShare share) =>
        share is { Held: 0, IsRefilling: false, IsQueued: false } && share.NextInStore > Now && IsCurrentHoldingLock(share);

    private static bool IsCurrentHoldingLock(LaneShare share) =>
        share.Turn.Shares.TryGetValue(share.Partition.Number, out var current) && current == share;

    private RefillMemory MemoryHoldingLock(Partition partition)
    {
        if (!_refilling.TryGetValue(partition, out var memory))
        {
            _refilling[partition] = memory = new RefillMemory();
        }

        return memory;
    }

    /// <summary>The reads running in a partition, and the units that ended meanwhile.</summary>
    private sealed class RefillMemory
    {
        public int Running { get; set; }

        public List<HeldUnit> Gone { get; } = [];
    }
}
