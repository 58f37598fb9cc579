using System.ComponentModel.DataAnnotations;

namespace Relay.Delivery.Scheduling;

/// <summary>How much leased work is held in memory, whatever waits in the queue.</summary>
public sealed class WindowOptions
{
    // Many times what is in flight at full speed, so that sites never run dry, and a few sockets below a common limit.
    [Range(16, 1_000_000)]
    public int Units { get; set; } = 4_096;

    // The part of the contents that leases carry: 4,096 messages of 32 KiB.
    [Range(1024 * 1024, long.MaxValue)]
    public long Bytes { get; set; } = 128 * 1024 * 1024;

    /// <summary>Units held for one site for each connection it may have.</summary>
    // Enough that a connection never waits for the queue; what is held back here stays in the queue for others' turns.
    [Range(1, 10_000)]
    public int UnitsPerConnection { get; set; } = 32;
}
