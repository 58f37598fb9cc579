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
            foreach (var held in _held.In(HeldPhase.Suspended).Where(held => !IsSuspendedHoldingLock(held)).ToList())
            {
                GiveBackHoldingLock(held);
            }

            foreach (var lane in _lanes.All.ToList())
            {
                if (IsSuspendedHoldingLock(lane.Lane))
                {
                    EvictHoldingLock(lane);
                }
                else
                {
                    HideSuspendedHoldingLock(lane);
                    ResumeHoldingLock(lane);
                }
            }

            SignalHoldingLock();
        }
    }

    private bool IsSuspendedHoldingLock(Lane lane) => _suspended.Find(lane) is not null;

    private bool IsSuspendedHoldingLock(HeldUnit held) => _suspended.Find(held.Lane.Lane, held.Id.Message) is not null;

    /// <summary>True when a unit that is to wait here may not, since it is suspended; then it was put where it belongs.</summary>
    private bool TrySuspendHoldingLock(HeldUnit held)
    {
        if (IsSuspendedHoldingLock(held.Lane.Lane))
        {
            GiveBackHoldingLock(held);
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

    private void EvictHoldingLock(LaneTurn lane)
    {
        ShortenHoldingLock(lane, keep: 0);
        foreach (var share in lane.Shares.ToList())
        {
            TryForgetSuspendedHoldingLock(share);
        }
    }

    private void HideSuspendedHoldingLock(LaneTurn lane)
    {
        if (!_suspended.NamesMessages || lane.Waiting == 0)
        {
            return;
        }

        foreach (var held in lane.TakeWhere(IsSuspendedHoldingLock))
        {
            _room.Remove(held);
            TrySuspendHoldingLock(held);
        }

        HasLessHoldingLock(lane);
    }

    // Shares that outlived the suspension since something of theirs was in flight.
    private void ResumeHoldingLock(LaneTurn lane)
    {
        var now = Now;
        foreach (var share in lane.Shares)
        {
            if (share.NextInStore <= now)
            {
                ReadIfHungryHoldingLock(share, now);
            }
            else if (share.NextInStore != LaneShare.Nothing)
            {
                _hunger.LookAt(share, share.NextInStore);
            }
        }
    }

    // What stands in the store stands in lanes too, and all of lanes is looked at when a suspension ends.
    private void TryForgetSuspendedHoldingLock(LaneShare share)
    {
        if (share is { Held: 0, IsRefilling: false, IsCurrent: true })
        {
            ForgetHoldingLock(share);
        }
    }
}
