using System.Diagnostics.CodeAnalysis;
using Relay.Delivery.Routing;
using Relay.Delivery.Sending;
using Relay.Mail.Queue;

namespace Relay.Delivery.Scheduling;

/// <summary>
/// What may share a connection: the work that waits for one set of hosts, and the couriers that carry it. It lives while it
/// has either, so the number of sites follows the mail under way, not the mail ever sent.
/// </summary>
internal sealed class Site(RoutePlan plan, Standing standing, int maxCouriers, TimeProvider time, Func<Site, Courier> hire, Action<Site> gone)
{
    // A remote that refused one connection more is not asked again at once.
    private static readonly TimeSpan GrowthPause = TimeSpan.FromSeconds(30);

    private readonly Lock _lock = new();
    private readonly TurnQueue _waiting = new();
    private readonly Stack<Courier> _parked = new();
    private readonly List<RiderSeat> _seats = [];
    private int _couriers;
    private int _connected;
    private DateTimeOffset _growAfter;
    private volatile bool _stopping;
    private bool _gone;

    public RoutePlan Plan { get; } = plan;

    public Standing Standing { get; } = standing;

    public bool IsStopping => _stopping;

    /// <summary>Adds a unit; false when the site is gone and another has to be made.</summary>
    public bool TryAdd(HeldLease held)
    {
        Courier? parked;
        var hireOne = false;
        lock (_lock)
        {
            if (_gone || _stopping)
            {
                return false;
            }

            // The one that parked last: the others may grow old and close.
            if (!_parked.TryPop(out parked))
            {
                _waiting.Add(held);
                hireOne = MayGrowHoldingLock();
                _couriers += hireOne ? 1 : 0;
            }
        }

        parked?.Wake(held);
        if (hireOne)
        {
            _ = Task.Run(hire(this).RunAsync);
        }

        return true;
    }

    public bool TryTake([NotNullWhen(true)] out HeldLease? held)
    {
        lock (_lock)
        {
            return _waiting.TryTake(out held);
        }
    }

    /// <summary>Takes a unit that was given back here; false when somebody else has taken it.</summary>
    public bool TryTakeAgain(HeldLease held)
    {
        lock (_lock)
        {
            return _waiting.TakeBack(other => other == held).Count > 0;
        }
    }

    /// <summary>Who sits here can be taken back with those that wait.</summary>
    public void Offer(RiderSeat seat)
    {
        lock (_lock)
        {
            _seats.Add(seat);
        }
    }

    public void Withdraw(RiderSeat seat)
    {
        lock (_lock)
        {
            _seats.Remove(seat);
        }
    }

    /// <summary>Takes the next unit, or else lets the courier wait for one; neither when it had better leave.</summary>
    public bool TryPark(Courier courier, out HeldLease? held)
    {
        lock (_lock)
        {
            if (_waiting.TryTake(out held))
            {
                return true;
            }

            if (_stopping)
            {
                return false;
            }

            _parked.Push(courier);
            return true;
        }
    }

    /// <summary>Ends a courier's waiting; false when it has work already.</summary>
    public bool TryUnpark(Courier courier)
    {
        lock (_lock)
        {
            if (!_parked.Contains(courier))
            {
                return false;
            }

            Courier[] others = [.. _parked.Reverse().Where(c => c != courier)];
            _parked.Clear();
            foreach (var other in others)
            {
                _parked.Push(other);
            }

            return true;
        }
    }

    /// <summary>Lets a courier go; false when there is work for it after all.</summary>
    public bool TryLeave([NotNullWhen(false)] out HeldLease? held)
    {
        lock (_lock)
        {
            if (_waiting.TryTake(out held))
            {
                return false;
            }

            LeaveHoldingLock();
        }

        if (_gone)
        {
            gone(this);
        }

        return true;
    }

    public void Connected()
    {
        lock (_lock)
        {
            _connected++;
        }
    }

    public void Disconnected()
    {
        lock (_lock)
        {
            _connected--;
        }
    }

    /// <summary>
    /// A courier could get no connection. While others have one, that is no attempt: many receivers allow few connections at
    /// a time. The unit then goes back into the queue, the courier leaves, and no other is hired for a while.
    /// </summary>
    public bool TryShrink(HeldLease held)
    {
        Courier? parked;
        lock (_lock)
        {
            if (_connected == 0 || _stopping)
            {
                return false;
            }

            _growAfter = time.GetUtcNow() + GrowthPause;
            LeaveHoldingLock();
            if (!_parked.TryPop(out parked))
            {
                _waiting.Add(held);
            }
        }

        parked?.Wake(held);
        return true;
    }

    /// <summary>Another courier may be hired at once, whatever the remote said to the last one.</summary>
    public void TryAgain()
    {
        lock (_lock)
        {
            _growAfter = default;
        }
    }

    /// <summary>Hands back what passes and has not begun.</summary>
    public List<HeldLease> TakeBack(Func<Lease, bool> which)
    {
        lock (_lock)
        {
            return [.. _waiting.TakeBack(held => which(held.Lease)), .. TakeRidersHoldingLock(held => which(held.Lease))];
        }
    }

    /// <summary>Takes no more, wakes who waits, and hands back what has not begun.</summary>
    public List<HeldLease> Stop()
    {
        var waiting = new List<HeldLease>();
        Courier[] parked;
        lock (_lock)
        {
            _stopping = true;
            while (_waiting.TryTake(out var held))
            {
                waiting.Add(held);
            }

            waiting.AddRange(TakeRidersHoldingLock(_ => true));
            parked = [.. _parked];
            _parked.Clear();
        }

        foreach (var courier in parked)
        {
            courier.Wake(null);
        }

        return waiting;
    }

    // Their envelopes may have left, but not a word of their content.
    private IEnumerable<HeldLease> TakeRidersHoldingLock(Func<HeldLease, bool> which) =>
        _seats.Select(seat => seat.TakeBack(which)).OfType<HeldLease>();

    private bool MayGrowHoldingLock() =>
        _couriers < maxCouriers && (_couriers == 0 || _growAfter == default || _growAfter <= time.GetUtcNow());

    private void LeaveHoldingLock()
    {
        _couriers--;
        _gone = _couriers == 0;
    }
}
