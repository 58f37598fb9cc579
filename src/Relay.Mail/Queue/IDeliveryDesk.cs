namespace Relay.Mail.Queue;

/// <summary>Where administration speaks to the delivery of its own process, if it has one. Nothing here waits.</summary>
public interface IDeliveryDesk
{
    /// <summary>Gives back untried what was leased, is not begun, and passes.</summary>
    void GiveBack(Func<Lease, bool> which);

    /// <summary>Forgets what it knows against the hosts of this domain, DNS answers included: the next attempt is a real one.</summary>
    void TryAgain(string domain);

    /// <summary>Why a due unit of this lane is not taken now; null when nothing here keeps it.</summary>
    string? WhyNotNow(Lane lane);
}
