using Relay.Mail.Queue;

namespace Relay.Delivery.Scheduling;

/// <summary>A lease in our hands, with the shares of the window that it takes.</summary>
internal sealed class HeldLease(Lease lease)
{
    public Lease Lease { get; } = lease;

    /// <summary>Octets of content that come with the lease; chunks stay in the store until they are sent.</summary>
    public int Bytes { get; } = lease.Message.Content.Prologue.Length + lease.Message.Content.Head.Length;

    /// <summary>The site it waits at or is sent through; null before it is routed.</summary>
    public Site? Site { get; set; }
}
