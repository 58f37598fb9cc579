using System.Diagnostics.CodeAnalysis;
using Relay.Delivery.Providers;
using Relay.Delivery.Routing;
using Relay.Delivery.Sending;
using Relay.Mail.Messages;
using Relay.Mail.Queue;

namespace Relay.Delivery.Scheduling;

/// <summary>
/// What may share a connection: the work that waits for one set of hosts, and the couriers that carry it. How many it may have
/// is its provider's to say, whose lock guards it. It lives while it has work or couriers, so the number of sites follows the
/// mail under way, not the mail ever sent.
/// </summary>
internal sealed class Site
{
    // Where other sites of the provider wait for a place, so many messages are a turn: fewer would be all handshakes.
    private const int MessagesInTurn = 20;

    private readonly WaitingMail _waiting;
    private readonly ParkedCouriers _parked;
    private readonly List<RiderSeat> _seats = [];
    private readonly Action<Site> _hire;
    private readonly Action<Site> _gone;
    private readonly Provider _provider;
    private readonly Places _places;
    private int _couriers;
    private int _connected;
    private int _inTurn;
    private volatile bool _stopping;
    private bool _isGone;

    /// <param name="hire">Sets a courier to work: it takes units here until it leaves.</param>
    /// <param name="gone">Told when it has neither work nor couriers.</param>
    public Site(RoutePlan plan, Standing standing, Action<Site> hire, Action<Site> gone)
    {
        (Plan, Standing, _hire, _gone) = (plan, standing, hire, gone);
        (_provider, _places) = (standing.Provider, standing.Provider.Places);
        (_waiting, _parked) = (new WaitingMail(_places), new ParkedCouriers(this, _places));
        Idle = new LinkedListNode<Site>(this);
        lock (_places.Lock)
        {
            _places.Opened(this);
        }
    }

    public RoutePlan Plan { get; }

    public Standing Standing { get; }

    /// <summary>Whose mail waits here for a place that the provider has not given yet; the provider's note.</summary>
    public HashSet<(string Account, MessageClass Class)> Wants { get; } = [];

    /// <summary>Its place among the sites with a courier that has nothing to do; the provider's note.</summary>
    public LinkedListNode<Site> Idle { get; }

    public bool HasHadItsTurn => _inTurn >= MessagesInTurn;

    public int WaitingHoldingLock => _waiting.Count;

    /// <summary>Couriers with a warm connection and nothing to do.</summary>
    public int ParkedCountHoldingLock => _parked.Count;

    public bool IsStopping => _stopping;

    /// <summary>Adds a unit; false when the site is gone and another has to be made.</summary>
    public bool TryAdd(HeldLease held)
    {
        var after = default(Errands);
        lock (_places.Lock)
        {
            if (_isGone || _stopping)
            {
                return false;
            }

            _waiting.Add(held);
            if (!TryServeParkedHoldingLock(ref after))
            {
                _places.Want(this, held.Lease.Unit.Lane, ref after);
            }
        }

        after.Run();
        return true;
    }

    /// <summary>Takes the next unit; false when there is none, or when the courier had better leave.</summary>
    public bool TryTake([NotNullWhen(true)] out HeldLease? held)
    {
        lock (_places.Lock)
        {
            return TryTakeHoldingLock(out held);
        }
    }

    /// <summary>Takes a unit that was given back here; false when somebody else has taken it.</summary>
    public bool TryTakeAgain(HeldLease held)
    {
        lock (_places.Lock)
        {
            return _waiting.TakeBack(other => other == held).Count > 0;
        }
    }

    /// <summary>Who sits here can be taken back with those that wait.</summary>
    public void Offer(RiderSeat seat)
    {
        lock (_places.Lock)
        {
            _seats.Add(seat);
        }
    }

    public void Withdraw(RiderSeat seat)
    {
        lock (_places.Lock)
        {
            _seats.Remove(seat);
        }
    }

    /// <summary>
    /// Takes the next unit, or else lets the courier wait for one; neither when it had better leave. Who is sent home, now or
    /// by null after a wait, has a connection still, but it is not counted any more: one that is too much sends one courier home.
    /// </summary>
    /// <param name="wake">Ends the courier's wait, with work or, with null, for good.</param>
    public bool TryPark(TaskCompletionSource<HeldLease?> wake, out HeldLease? held)
    {
        var after = default(Errands);
        lock (_places.Lock)
        {
            if (TryTakeHoldingLock(out held))
            {
                return true;
            }

            if (_stopping || _places.AreTooMany(this) || (_provider.IsShared && _places.OthersWant(this)))
            {
                DisconnectHoldingLock();
                return false;
            }

            _parked.Add(wake);

            // What waits nevertheless waits for the rate.
            WantAllHoldingLock(ref after);
        }

        after.Run();
        return true;
    }

    /// <summary>A courier has waited long enough, and goes home; false when it was woken already.</summary>
    public bool TryUnpark(TaskCompletionSource<HeldLease?> wake)
    {
        lock (_places.Lock)
        {
            if (!_parked.TryRemove(wake))
            {
                return false;
            }

            DisconnectHoldingLock();
            return true;
        }
    }

    /// <summary>Lets a courier go; false when there is work for it after all.</summary>
    public bool TryLeave([NotNullWhen(false)] out HeldLease? held)
    {
        var after = default(Errands);
        bool isGone;
        lock (_places.Lock)
        {
            held = null;
            if (_places.HasOne && TryTakeHoldingLock(out held))
            {
                return false;
            }

            LeaveHoldingLock(ref after);
            isGone = TryEndHoldingLock();
        }

        after.Run();
        if (isGone)
        {
            _gone(this);
        }

        return true;
    }

    public void Connected()
    {
        lock (_places.Lock)
        {
            _connected++;
            _provider.ConnectedHoldingLock();
        }
    }

    /// <summary>A connection that is still counted was lost, or is to be replaced.</summary>
    public void Disconnected()
    {
        lock (_places.Lock)
        {
            DisconnectHoldingLock();
        }
    }

    /// <summary>
    /// A courier could get no connection. While others have one, that is no attempt: many receivers allow few connections at
    /// a time. The unit then goes back into the queue, the courier leaves, and there are to be fewer.
    /// </summary>
    /// <param name="isTooMuch">The receiver said that it is: then whoever is about to get one at any of its sites counts too.</param>
    /// <param name="wait">How long no more are to be tried; null where nobody said so.</param>
    public bool TryShrink(HeldLease held, string words, bool isTooMuch, TimeSpan? wait)
    {
        var after = default(Errands);
        lock (_places.Lock)
        {
            if (_stopping || (_connected == 0 && !(isTooMuch && _places.HasOthers)))
            {
                return false;
            }

            _provider.ShrinkHoldingLock(words, wait);
            _waiting.Add(held);
            LeaveHoldingLock(ref after);
        }

        after.Run();
        return true;
    }

    /// <summary>Hands back what passes and has not begun.</summary>
    public List<HeldLease> TakeBack(Func<Lease, bool> which)
    {
        List<HeldLease> back;
        bool isGone;
        lock (_places.Lock)
        {
            back = [.. _waiting.TakeBack(held => which(held.Lease)), .. TakeRidersHoldingLock(held => which(held.Lease))];
            isGone = TryEndHoldingLock();
        }

        if (isGone)
        {
            _gone(this);
        }

        return back;
    }

    /// <summary>Takes no more, wakes who waits, and hands back what has not begun.</summary>
    public List<HeldLease> Stop()
    {
        var after = default(Errands);
        List<HeldLease> waiting;
        bool isGone;
        lock (_places.Lock)
        {
            _stopping = true;
            waiting = _waiting.TakeBack(_ => true);
            while (_parked.Count > 0)
            {
                SendHomeHoldingLock(ref after);
            }

            waiting.AddRange(TakeRidersHoldingLock(_ => true));
            isGone = TryEndHoldingLock();
        }

        after.Run();
        if (isGone)
        {
            _gone(this);
        }

        return waiting;
    }

    /// <summary>Starts the courier whose place was given.</summary>
    public void Hire() => _hire(this);

    public bool TryHireHoldingLock(ref Errands after)
    {
        if (_waiting.Count == 0 || _stopping)
        {
            return false;
        }

        _couriers++;
        after.Hire(this);
        return true;
    }

    /// <summary>Gives the next unit to a courier that waits for one.</summary>
    public bool TryServeParkedHoldingLock(ref Errands after)
    {
        if (_parked.Count == 0 || !TryTakeHoldingLock(out var held))
        {
            return false;
        }

        _parked.Wake(held, ref after);
        return true;
    }

    public void SendHomeHoldingLock(ref Errands after)
    {
        _parked.SendHome(ref after);
        DisconnectHoldingLock();
    }

    // Their envelopes may have left, but not a word of their content.
    private IEnumerable<HeldLease> TakeRidersHoldingLock(Func<HeldLease, bool> which) =>
        _seats.Select(seat => seat.TakeBack(which)).OfType<HeldLease>();

    private bool TryTakeHoldingLock([NotNullWhen(true)] out HeldLease? held)
    {
        held = null;
        if (_waiting.Count == 0 || _places.AreTooMany(this) || !_provider.TryPassHoldingLock())
        {
            return false;
        }

        _inTurn++;
        return _waiting.TryTake(out held);
    }

    private void DisconnectHoldingLock()
    {
        _connected--;
        _places.Disconnect();
    }

    private void LeaveHoldingLock(ref Errands after)
    {
        _couriers--;
        _inTurn = 0;
        _places.Left(ref after);
        WantAllHoldingLock(ref after);
    }

    // True when it ends with this.
    private bool TryEndHoldingLock()
    {
        if (_isGone || _couriers > 0 || _waiting.Count > 0)
        {
            return false;
        }

        _isGone = true;
        _places.Ended(this);
        return true;
    }

    private void WantAllHoldingLock(ref Errands after)
    {
        if (_waiting.Count > 0)
        {
            foreach (var (account, @class) in _waiting.Senders)
            {
                _places.Want(this, new Lane("", account, @class), ref after);
            }
        }
    }
}
