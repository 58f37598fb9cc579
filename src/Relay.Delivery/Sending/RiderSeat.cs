using Relay.Delivery.Scheduling;

namespace Relay.Delivery.Sending;

/// <summary>
/// Where a courier's next unit sits while the last body is not answered yet; mostly its envelope has left behind that body.
/// The seat binds nothing: after a second, or as soon as the site is asked for it, the unit goes back, and whoever takes it
/// first carries it. Of those who want it at the same moment exactly one gets it.
/// </summary>
internal sealed class RiderSeat : IDisposable
{
    // Most final replies take far less; a mail that has waited a second longer has waited long enough.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private readonly Site _site;
    private readonly CourierOffice _office;
    private readonly ITimer _patience;

    // The courier's own note of who sat down, and the unit itself: taken out by the courier, or by who gives it back.
    private Carriage? _seated;
    private Carriage? _rider;

    public RiderSeat(Site site, CourierOffice office)
    {
        (_site, _office) = (site, office);
        _patience = office.Time.CreateTimer(static seat => ((RiderSeat)seat!).LosePatience(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        site.Offer(this);
    }

    /// <summary>Somebody sat down and was not asked for since; the unit itself may be in other hands.</summary>
    public bool IsTaken => _seated is not null;

    public void Seat(Carriage rider)
    {
        _seated = rider;
        Volatile.Write(ref _rider, rider);
        _patience.Change(Patience, Timeout.InfiniteTimeSpan);
        if (_site.IsStopping)
        {
            // Those that waited have been taken back a moment ago.
            LosePatience();
        }
    }

    /// <summary>The unit, for the courier, once the body before it is answered; null when there is none or it is in other hands.</summary>
    /// <param name="orphan">Then what of it has left on the connection; null when nothing has.</param>
    public Carriage? Take(out Transaction? orphan)
    {
        orphan = null;
        if (_seated is not { } seated)
        {
            return null;
        }

        _seated = null;
        _patience.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        if (Interlocked.Exchange(ref _rider, null) is not null)
        {
            return seated;
        }

        // Nobody may have had time for it; what has been asked of it meanwhile is not known here.
        if (_site.TryTakeAgain(seated.Held) && _office.MayBegin(seated.Held))
        {
            return seated;
        }

        orphan = seated.Ahead;
        return null;
    }

    /// <summary>The unit, for somebody else, where it passes; null when nobody sits here or has just been taken.</summary>
    public HeldLease? TakeBack(Func<HeldLease, bool> which)
    {
        var rider = Volatile.Read(ref _rider);
        return rider is not null && which(rider.Held) && Interlocked.CompareExchange(ref _rider, null, rider) == rider ? rider.Held : null;
    }

    /// <summary>The courier leaves. Who still sits here goes back: nobody would ask for him any more.</summary>
    public void Dispose()
    {
        _site.Withdraw(this);
        _patience.Dispose();
        if (Interlocked.Exchange(ref _rider, null) is { } rider)
        {
            _office.GiveBack(_site, rider.Held);
        }
    }

    private void LosePatience()
    {
        if (Volatile.Read(ref _rider) is not { } rider || Interlocked.CompareExchange(ref _rider, null, rider) != rider)
        {
            return;
        }

        // The next final replies will take as long.
        rider.Ahead?.Connection.BeCautious();
        _office.GiveBack(_site, rider.Held);
    }
}
