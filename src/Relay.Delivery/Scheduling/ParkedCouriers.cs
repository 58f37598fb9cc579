using Relay.Delivery.Providers;

namespace Relay.Delivery.Scheduling;

/// <summary>
/// The couriers of a site that have a warm connection and nothing to do. The provider's places, whose lock guards it, list the
/// sites that have such.
/// </summary>
internal sealed class ParkedCouriers(Site site, Places places)
{
    private readonly List<TaskCompletionSource<HeldLease?>> _waits = [];

    public int Count => _waits.Count;

    public void Add(TaskCompletionSource<HeldLease?> wake)
    {
        _waits.Add(wake);
        places.Parked(site);
    }

    /// <summary>False when it was woken already.</summary>
    public bool TryRemove(TaskCompletionSource<HeldLease?> wake)
    {
        if (!_waits.Remove(wake))
        {
            return false;
        }

        Unlist();
        return true;
    }

    /// <summary>Gives a unit to the one that came last, so that the others grow old and close.</summary>
    public void Wake(HeldLease held, ref Errands after)
    {
        after.Wake(_waits[^1], held);
        _waits.RemoveAt(_waits.Count - 1);
        Unlist();
    }

    /// <summary>Sends the one home that has waited longest.</summary>
    public void SendHome(ref Errands after)
    {
        after.Wake(_waits[0], null);
        _waits.RemoveAt(0);
        Unlist();
    }

    private void Unlist()
    {
        if (_waits.Count == 0)
        {
            places.Unparked(site);
        }
    }
}
