using Microsoft.Extensions.Options;
using Relay.Mail.Messages;

namespace Relay.Redis.Queue;

/// <summary>
/// What of the queue is held in memory: units that are due, handed over by accepts or read back lane by lane, and the
/// units in flight. Bounded, whatever waits in the store: what does not fit is left there and remembered only as the
/// earliest time of its lane, and of lanes that are too many nothing is.
/// </summary>
/// <remarks>
/// One lock around parts with one job each: <see cref="HeldUnits"/> sees to it that a unit is leased once,
/// <see cref="Turns"/> whose turn it is, <see cref="WindowRoom"/> who finds room, <see cref="Hunger"/> what is read next,
/// <see cref="ParkedShares"/> what cannot be. Here is what all sides share: a unit waits, is given back, and ends. The sides
/// lease, take in what is accepted, refill, know the lanes, keep out what is suspended, and hand out what the owner was asked
/// to change.
/// </remarks>
internal sealed partial class Window
{
    // A lane is read again when it has fewer than this many units in hand, so that a connection never waits for a read; one
    // read brings up to twice as many.
    private const int LowWater = 16;

    private readonly Lock _lock = new();
    private readonly TimeProvider _time;
    private readonly HeldUnits _held = new();
    private readonly LaneTable _lanes;
    private readonly Turns _turns = new();
    private readonly WindowRoom _room;
    private readonly Hunger _hunger = new();
    private readonly ParkedShares _parked = new();

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
            _parked.TakeAll(partition);

            // It may be ours anew by now, and have been looked through.
            partition.Look.FromTheStart();
            _hunger.Wake();
        }
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

    private long Now => _time.GetUtcNow().ToUnixTimeMilliseconds();

    private static int OctetsOf(Message message) => message.Content.Prologue.Length + message.Content.Head.Length;
}
