using Relay.Delivery.Sending;
using Relay.Mail.Queue;

namespace Relay.Delivery.Scheduling;

/// <summary>A lease in our hands, with the shares of the window that it takes.</summary>
internal sealed class HeldLease(Lease lease)
{
    /// <summary>With the content as it came with the lease, and once that is written as its recipient gets it.</summary>
    public Lease Lease { get; set; } = lease;

    /// <summary>Octets of content that come with the lease; chunks stay in the store until they are sent.</summary>
    public int Bytes { get; } = lease.Message.Content.Prologue.Length + lease.Message.Content.Head.Length;

    /// <summary>It was leased without being counted against its account's rate, since its site was left alone and it was only to be put off.</summary>
    public bool OwesTurn { get; init; }

    /// <summary>The open recipients that nothing is sent to, and why; null when there are none.</summary>
    public IReadOnlyDictionary<int, Outcome.Suppressed>? Suppressed { get; set; }

    /// <summary>As of when <see cref="Suppressed"/> holds, by <see cref="FreshSuppressions"/>.</summary>
    public long LookedAt { get; set; }

    /// <summary>Where it counts: at its domain until the way is known, then at its site.</summary>
    public Stock? Place { get; set; }
}
