using System.Diagnostics.CodeAnalysis;
using Relay.Delivery.Providers;
using Relay.Mail.Messages;

namespace Relay.Delivery.Scheduling;

/// <summary>The units that wait at a site, in their turns. The provider's places, whose lock guards it, are told when there are some and when none.</summary>
internal sealed class WaitingMail(Places places)
{
    private readonly TurnQueue<HeldLease> _turns = new(held => held.Lease.Unit.Lane);
    private bool _isSome;

    public int Count => _turns.Count;

    /// <summary>Whose mail of which class is here.</summary>
    public IEnumerable<(string Account, MessageClass Class)> Senders => _turns.Senders;

    public void Add(HeldLease held)
    {
        _turns.Add(held);
        Tell();
    }

    public bool TryTake([NotNullWhen(true)] out HeldLease? held)
    {
        var has = _turns.TryTake(out held);
        Tell();
        return has;
    }

    /// <summary>Takes out what passes; the rest keeps its order.</summary>
    public List<HeldLease> TakeBack(Func<HeldLease, bool> which)
    {
        var back = _turns.TakeBack(which);
        Tell();
        return back;
    }

    private void Tell()
    {
        if (_isSome != _turns.Count > 0)
        {
            _isSome = !_isSome;
            places.Hungry(_isSome ? 1 : -1);
        }
    }
}
