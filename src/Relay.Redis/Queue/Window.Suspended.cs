using Relay.Mail.Queue;

namespace Relay.Redis.Queue;

/// <summary>
/// The window's side of suspensions. A suspended lane has nothing here but what is in flight: it is neither read nor
/// remembered, and found again in <c>lanes</c> when it may flow. A suspended message of a lane that flows is held without
/// its content, so that reads go past it; such messages are named one by one and therefore few.
/// </summary>
internal sealed partial class Window
{
    private volatile SuspensionSnapshot _suspended = SuspensionSnapshot.None;

    /// <summary>From here on nothing suspended is leased. Partitions are to be looked at anew for what is suspended no more.</summary>
    public void Suspend(SuspensionSnapshot suspended)
    {
        lock (_lock)
        {
            _suspended = suspended;
            foreach (var held in _held.Values.Where(h => h.Phase == HeldPhase.Suspended && !IsSuspendedHoldingLock(h)).ToList())
            {
                ForgetHoldingLock(held);
                LeaveInStoreHoldingLock(held.Share, held.Due);
            }

            foreach (var turn in _lanes.Values.ToList())
            {
                if (IsSuspendedHoldingLock(turn.Lane))
                {
                    EvictHoldingLock(turn);
                }
                else
                {
                    HideSuspendedHoldingLock(turn);
                    ResumeHoldingLock(turn);
                }
            }

            SignalHoldingLock();
        }
    }

    private bool IsSuspendedHoldingLock(Lane lane) => _suspended.Find(lane) is not null;

    private bool IsSuspendedHoldingLock(HeldUnit held) => _suspended.Find(held.Share.Turn.Lane, held.Id.Message) is not null;

    /// <summary>True when a unit that is to wait here may not, since it is suspended; then it was put where it belongs.</summary>
    private bool TrySuspendHoldingLock(HeldUnit held)
    {
        if (IsSuspendedHoldingLock(held.Share.Turn.Lane))
        {
            ForgetHoldingLock(held);
            LeaveInStoreHoldingLock(held.Share, held.Due);
            return true;
        }

        if (!IsSuspendedHoldingLock(held))
        {
            return false;
        }

        held.Phase = HeldPhase.Suspended;
        held.Lease = null;
        return true;
    }

    private void EvictHoldingLock(LaneTurn turn)
    {
        foreach (var held in turn.RemoveWhere(_ => true))
        {
            UncountHoldingLock(held);
            LeaveInStoreHoldingLock(held.Share, held.Due);
            ForgetHoldingLock(held);
        }

        foreach (var share in turn.Shares.Values.ToList())
        {
            TryForgetSuspendedHoldingLock(share);
        }

        RemoveIfEmptyHoldingLock(turn);
    }

    private void HideSuspendedHoldingLock(LaneTurn turn)
    {
        if (!_suspended.NamesMessages || turn.Waiting == 0)
        {
            return;
        }

        foreach (var held in turn.RemoveWhere(IsSuspendedHoldingLock))
        {
            UncountHoldingLock(held);
            TrySuspendHoldingLock(held);
        }

        RemoveIfEmptyHoldingLock(turn);
    }

    // Shares that outlived the suspension since something of theirs was in flight.
    private void ResumeHoldingLock(LaneTurn turn)
    {
        foreach (var share in turn.Shares.Values)
        {
            if (share.NextInStore <= Now)
            {
                QueueIfHungryHoldingLock(share, Now);
            }
            else if (share.NextInStore != LaneShare.Nothing)
            {
                AwaitHoldingLock(share, share.NextInStore);
            }
        }
    }

    // What stands in the store stands in lanes too, so nothing is lost with the share.
    private void TryForgetSuspendedHoldingLock(LaneShare share)
    {
        if (share is { Held: 0, IsRefilling: false } && IsCurrentHoldingLock(share))
        {
            share.Turn.Shares.Remove(share.Partition.Number);
            RemoveIfEmptyHoldingLock(share.Turn);
        }
    }
}
