using Relay.Mail.Queue;

namespace Relay.Redis.Queue;

/// <summary>The window's side of leases: whose turn it is, what comes back untried, and what has ended.</summary>
internal sealed partial class Window
{
    // Gates are opened by name. Should that ever be forgotten, so many are tried once a second all the same.
    private const int GatesTried = 64;
    private static readonly TimeSpan TryGatesAfter = TimeSpan.FromSeconds(1);

    // Lanes whose next unit is of a partition whose lease is to be renewed first.
    private readonly Gate _stale = new();
    private TaskCompletionSource? _changed;
    private long _triedGates;

    /// <summary>Ends when there may be something to lease that was not there before.</summary>
    public Task Changed
    {
        get
        {
            lock (_lock)
            {
                return (_changed ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
            }
        }
    }

    /// <summary>Leases what waits, turn by turn; empty when nothing waits for which there is room.</summary>
    public IReadOnlyList<Lease> Take(LeaseDemand demand)
    {
        lock (_lock)
        {
            List<Lease>? leases = null;
            var octets = 0L;
            var timestamp = _time.GetTimestamp();
            TryGatesHoldingLock(timestamp);

            // A lane that gives nothing leaves the order, so this ends.
            while ((leases?.Count ?? 0) < demand.MaxUnits && octets < demand.MaxBytes && _turns.TryNext(out var lane))
            {
                try
                {
                    if (TakeHoldingLock(lane, demand, timestamp) is { } held)
                    {
                        octets += held.Octets;
                        (leases ??= []).Add(held.Lease!);
                    }
                }
                catch when (leases is not null)
                {
                    // The caller's own answer about a gate threw. What is leased by now must reach him, or it would stay leased for ever;
                    // the mistake shows again at the next call, and is thrown where nothing was leased before it.
                    return leases;
                }
            }

            return leases ?? (IReadOnlyList<Lease>)[];
        }
    }

    /// <summary>There may be room again for what waits behind the gate.</summary>
    public void Open(Gate gate)
    {
        lock (_lock)
        {
            if (_turns.Open(gate))
            {
                SignalHoldingLock();
            }
        }
    }

    public void Release(Lease lease)
    {
        lock (_lock)
        {
            if (!_held.TryGet(lease.Id, HeldPhase.Leased, out var held))
            {
                return;
            }

            held.IsPastDot = false;
            held.Lease = lease;
            if (!held.Share.IsCurrent)
            {
                GiveBackHoldingLock(held);
            }
            else if (held.IsAwaited)
            {
                _held.MarkAwaited(held, false);
                held.Phase = HeldPhase.Claimed;
                held.Lease = null;
            }
            else if (!TrySuspendHoldingLock(held))
            {
                WaitIfItFitsHoldingLock(held);
            }

            SignalHoldingLock();
        }
    }

    /// <summary>A lease ended durably; with a due time the unit goes on waiting in the store.</summary>
    public void Settled(UnitId id, long? due)
    {
        lock (_lock)
        {
            if (!_held.TryGet(id, out var held))
            {
                return;
            }

            held.Lane.Flows = due is null;

            // Where the partition was lost, and perhaps won again, meanwhile, what became of the unit is the store's to say.
            held.ComesBackAt = held.Share.IsCurrent ? due : due ?? held.Due;
            EndHoldingLock(held);
        }
    }

    /// <summary>Wakes those who wait for something to lease: the partitions' leases are fresh, or a unit arrived.</summary>
    public void Signal()
    {
        lock (_lock)
        {
            _turns.Scatter(_stale, ReenterHoldingLock);
            SignalHoldingLock();
        }
    }

    private HeldUnit? TakeHoldingLock(LaneTurn lane, LeaseDemand demand, long timestamp)
    {
        if (lane.Waiting > 0 && timestamp >= lane.Peek().Share.Partition.LiveUntil && !TryPassHoldingLock(lane, timestamp))
        {
            // Another node may own it by now. It is back as soon as the lease is renewed.
            _turns.Close(lane, _stale);
            return null;
        }

        if (MayBeRead(lane, demand))
        {
            ReenterHoldingLock(lane);
            return null;
        }

        if (!WasLetIn(lane, demand) && demand.ClosedGate(lane.Lane) is { } gate)
        {
            _turns.Close(lane, gate);
            return null;
        }

        if (lane.Waiting == 0)
        {
            // What it had was given back while it waited behind a gate. It is read now that there is room, and not before: an
            // opened gate would else have all the lanes behind it read.
            lane.LetInBy = demand;
            ReenterHoldingLock(lane);
            return null;
        }

        lane.LetInBy = null;
        var held = lane.Take();
        held.Phase = HeldPhase.Leased;
        _room.Remove(held);
        _turns.Taken(lane);
        LeaveIfEmptyHoldingLock(lane);
        if (lane.Waiting < LowWater)
        {
            AskForMoreHoldingLock(lane);
        }

        return held;
    }

    // The lane was let in while it had nothing in hand, and one unit of its room has been counted on since, while it was read. Asked
    // about again, the gate could refuse it for that very unit, or send it behind all others for a second turn. So it is not asked
    // while the same demand goes on, nor where the unit only comes to be put off.
    private static bool WasLetIn(LaneTurn lane, LeaseDemand demand) =>
        lane is { Waiting: > 0, LetInBy: { } asked } && (ReferenceEquals(asked, demand) || demand.IsPutOff?.Invoke(lane.Lane) == true);

    // What is first in the lane may stand on a shard that is away, and other partitions of the lane on one that is not: then the
    // former is left in its store. Where all are away it is kept, for the moment in which their leases are renewed.
    private bool TryPassHoldingLock(LaneTurn lane, long timestamp)
    {
        if (!lane.Peek().Share.Partition.IsAway(timestamp) || !lane.Shares.Any(share => timestamp < share.Partition.LiveUntil))
        {
            return false;
        }

        foreach (var held in lane.TakeWhere(unit => unit.Share.Partition.IsAway(timestamp)))
        {
            _room.Remove(held);
            GiveBackHoldingLock(held);
        }

        return lane.Waiting == 0 || timestamp < lane.Peek().Share.Partition.LiveUntil;
    }

    // A lane that was swapped in is only read if there is room for it. That is asked without counting on a unit: none may come of it.
    private static bool MayBeRead(LaneTurn lane, LeaseDemand demand)
    {
        var isStranger = lane.IsStranger;
        lane.IsStranger = false;
        return isStranger && lane.Waiting == 0 && demand.HasRoom?.Invoke(lane.Lane) != false;
    }

    private void TryGatesHoldingLock(long timestamp)
    {
        if (_time.GetElapsedTime(_triedGates, timestamp) >= TryGatesAfter)
        {
            _triedGates = timestamp;
            _turns.OpenOldest(GatesTried);
        }
    }

    private void SignalHoldingLock()
    {
        _changed?.SetResult();
        _changed = null;
    }
}
