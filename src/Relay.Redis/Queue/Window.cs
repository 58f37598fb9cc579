using Microsoft.Extensions.Options;
using Relay.Mail.Messages;
using Relay.Mail.Queue;

namespace Relay.Redis.Queue;

/// <summary>
/// What of the queue is held in memory: units that are due, handed over by accepts or read back lane by lane, and the
/// units in flight. Bounded, whatever waits in the store: what does not fit is left there and remembered only as the
/// earliest time of its lane, and of lanes that are too many nothing is.
/// </summary>
/// <remarks>
/// One lock around parts with one job each: <see cref="HeldUnits"/> sees to it that a unit is leased once,
/// <see cref="Turns"/> whose turn it is, <see cref="WindowRoom"/> who finds room, <see cref="Hunger"/> what is read next.
/// This side takes and gives; the others take in what is accepted, refill, know the lanes, keep out what is suspended, and hand
/// out what the owner was asked to change.
/// </remarks>
internal sealed partial class Window
{
    // A lane is read again when it has fewer than this many units in hand, so that a connection never waits for a read; one
    // read brings up to twice as many.
    private const int LowWater = 16;

    // Gates are opened by name. Should that ever be forgotten, so many are tried once a second all the same.
    private const int GatesTried = 64;
    private static readonly TimeSpan TryGatesAfter = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly TimeProvider _time;
    private readonly HeldUnits _held = new();
    private readonly LaneTable _lanes;
    private readonly Turns _turns = new();
    private readonly WindowRoom _room;
    private readonly Hunger _hunger = new();

    // Of partitions that are away: not read until these are back.
    private readonly Dictionary<Partition, HashSet<LaneShare>> _parked = [];

    // Lanes whose next unit is of a partition whose lease is to be renewed first.
    private readonly Gate _stale = new();
    private TaskCompletionSource? _changed;
    private long _triedGates;

    public Window(IOptions<StoreOptions> options, TimeProvider time)
    {
        var queue = options.Value.Queue;
        _time = time;
        _lanes = new LaneTable(queue.WindowLanes);
        _room = new WindowRoom(queue.WindowUnits, queue.WindowBytes, queue.AccountShare);
        _triedGates = time.GetTimestamp();
    }

    /// <summary>Lanes known in memory, and the parts of them that partitions have.</summary>
    public (int Known, int Shares) Lanes
    {
        get
        {
            lock (_lock)
            {
                return (_lanes.Count, _lanes.Shares);
            }
        }
    }

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

    /// <summary>Units known in memory, how many of them wait with their content, and how large that is.</summary>
    public (int Held, int Waiting, long Octets) Size
    {
        get
        {
            lock (_lock)
            {
                return (_held.Count, _room.Units, _room.Octets);
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
                    // Who is asked about gates has made a mistake. What is leased by now is his; he hears of it when nothing is.
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

    /// <summary>The partition is not ours any more: what waits is given up, what is leased ends by itself.</summary>
    public void Drop(Partition partition)
    {
        lock (_lock)
        {
            foreach (var lane in _lanes.All.ToList())
            {
                if (lane.ShareIn(partition) is not { } share)
                {
                    continue;
                }

                foreach (var held in lane.TakeWhere(unit => unit.Share == share))
                {
                    _room.Remove(held);
                }

                ForgetHoldingLock(share);
                HasLessHoldingLock(lane);
            }

            _held.Drop(partition);
            _parked.Remove(partition);

            // It may be ours anew by now, and have been looked through.
            partition.Look.FromTheStart();
            _hunger.Wake();
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

    // It was counted on when the lane had nothing in hand, and would else be refused because of that, or have to wait for a second
    // turn, which may be long. It counts for as long as it is asked for, or where the unit is gone again at once.
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

    // Asked without a unit in hand, so that none is counted on: that would be a turn for nobody.
    private static bool MayBeRead(LaneTurn lane, LeaseDemand demand)
    {
        var isStranger = lane.IsStranger;
        lane.IsStranger = false;
        return isStranger && lane.Waiting == 0 && demand.HasRoom?.Invoke(lane.Lane) != false;
    }

    // Its place may have been given to another while it was away.
    private void WaitIfItFitsHoldingLock(HeldUnit held)
    {
        if (TryMakeRoomHoldingLock(held.Lane, OctetsOf(held.Lease!.Message)))
        {
            WaitHoldingLock(held);
        }
        else
        {
            GiveBackHoldingLock(held);
        }
    }

    private void WaitHoldingLock(HeldUnit held)
    {
        held.Phase = HeldPhase.Waiting;
        held.Octets = OctetsOf(held.Lease!.Message);
        held.Lane.Add(held);
        _room.Add(held);
        _turns.Enter(held.Lane);
    }

    /// <summary>Its time in the store is all that is remembered of the unit.</summary>
    private void GiveBackHoldingLock(HeldUnit held)
    {
        _held.Forget(held);
        LeaveInStoreHoldingLock(held.Share, held.Due);
    }

    private void EndHoldingLock(HeldUnit held)
    {
        if (_held.TryEnd(held))
        {
            ForgottenHoldingLock(held);
        }
    }

    private void ForgottenHoldingLock(HeldUnit held)
    {
        if (held.ComesBackAt is { } due)
        {
            LeaveInStoreHoldingLock(held.Share, due);
        }
        else
        {
            NoteQuietHoldingLock(held.Share, Now);
        }
    }

    private void ReenterHoldingLock(LaneTurn lane)
    {
        _turns.Leave(lane);
        if (lane.Waiting > 0)
        {
            _turns.Enter(lane);
        }

        AskForMoreHoldingLock(lane);
    }

    private void LeaveIfEmptyHoldingLock(LaneTurn lane)
    {
        if (lane.Waiting == 0)
        {
            _turns.Leave(lane);
        }
    }

    private bool TryMakeRoomHoldingLock(LaneTurn lane, int octets)
    {
        while (!_room.Fits(lane, octets))
        {
            if (_room.GivingWayTo(lane, octets, isShort: lane.Waiting < LowWater) is not { } other)
            {
                return false;
            }

            ShortenHoldingLock(other, keep: other.Waiting / 2);
        }

        return true;
    }

    private void ShortenHoldingLock(LaneTurn lane, int keep)
    {
        foreach (var held in lane.TakeAllBut(keep))
        {
            _room.Remove(held);
            GiveBackHoldingLock(held);
        }

        HasLessHoldingLock(lane);
    }

    // Behind a gate an empty lane keeps its place: that it is hungry is found out when it has its turn.
    private void HasLessHoldingLock(LaneTurn lane)
    {
        if (lane.Waiting == 0 && !lane.IsHeldBack)
        {
            ReenterHoldingLock(lane);
        }
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

    private long Now => _time.GetUtcNow().ToUnixTimeMilliseconds();

    private static int OctetsOf(Message message) => message.Content.Prologue.Length + message.Content.Head.Length;
}
