using Relay.Mail.Messages;
using Relay.Mail.Queue;

namespace Relay.Redis.Queue;

/// <summary>The window's side of accepts: what was written a moment ago need not be read back.</summary>
internal sealed partial class Window
{
    /// <summary>Makes a message's units known before they are written.</summary>
    public void BeginAccept(Partition partition, IReadOnlyList<Unit> units, long due)
    {
        if (!partition.IsServed)
        {
            return;
        }

        lock (_lock)
        {
            foreach (var unit in units)
            {
                if (TryPlaceHoldingLock(partition, unit.Lane) is { } share)
                {
                    _held.Add(unit.Id, share, due, HeldPhase.Accepting);
                }
            }
        }
    }

    /// <summary>The units are durable: hands them over, or leaves them in the store for later.</summary>
    public void EndAccept(Partition partition, Message message, IReadOnlyList<Unit> units, long due)
    {
        lock (_lock)
        {
            var now = Now;
            foreach (var unit in units)
            {
                if (!_held.TryGet(unit.Id, HeldPhase.Accepting, out var held))
                {
                    // The partition became ours in the meantime, and may have been looked through before the write; or there was
                    // no place for the lane.
                    ArriveHoldingLock(partition, unit.Lane, due);
                    continue;
                }

                if (held.Due <= now && TrySuspendHoldingLock(held))
                {
                    continue;
                }

                if (held.Due > now)
                {
                    GiveBackHoldingLock(held);
                    continue;
                }

                held.Lease = new Lease { Unit = unit, Message = message, Term = held.Share.Partition.Term };
                WaitIfItFitsHoldingLock(held);
            }

            SignalHoldingLock();
        }
    }

    /// <summary>Nobody knows whether the units were written: until that is found out they are claimed, so that none is leased meanwhile.</summary>
    public void ClaimAccept(IReadOnlyList<Unit> units)
    {
        lock (_lock)
        {
            foreach (var unit in units)
            {
                if (_held.TryGet(unit.Id, HeldPhase.Accepting, out var held))
                {
                    held.Phase = HeldPhase.Claimed;
                }
            }
        }
    }

    /// <summary>The units were not written.</summary>
    public void AbandonAccept(IReadOnlyList<Unit> units)
    {
        lock (_lock)
        {
            foreach (var unit in units)
            {
                if (_held.TryGet(unit.Id, HeldPhase.Accepting, out var held))
                {
                    EndHoldingLock(held);
                }
            }
        }
    }
}
