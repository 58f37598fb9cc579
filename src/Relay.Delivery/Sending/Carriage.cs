using Relay.Delivery.Scheduling;

namespace Relay.Delivery.Sending;

/// <summary>A unit in a courier's hands, and how far its attempt has come.</summary>
internal sealed class Carriage(HeldLease held)
{
    public HeldLease Held { get; } = held;

    public Attempt Attempt { get; } = new(held);

    /// <summary>It is settled or given back, and out of our hands.</summary>
    public bool IsFinished { get; set; }

    /// <summary>The transaction whose envelope has left already, behind the body of another; null as a rule.</summary>
    public Transaction? Ahead { get; set; }
}
