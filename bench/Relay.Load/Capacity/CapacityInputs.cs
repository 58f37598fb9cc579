namespace Relay.Load.Capacity;

/// <summary>What a message costs, as measured, and what is expected of the mail. Every figure of a plan follows from these.</summary>
internal sealed record CapacityInputs
{
    /// <summary>CPU seconds of the relay for one message, accepted and delivered.</summary>
    public required double RelayCpu { get; init; }

    /// <summary>CPU seconds of the store for one message.</summary>
    public required double StoreCpu { get; init; }

    /// <summary>CPU seconds of relay and store for one attempt that fails, its events included.</summary>
    public required double RetryCpu { get; init; }

    /// <summary>Octets of header and body.</summary>
    public required double Size { get; init; }

    /// <summary>Octets of the store's memory for one queued message beyond its size.</summary>
    public required double QueuedOverhead { get; init; }

    /// <summary>Octets of the store's memory for what is kept about one finished message.</summary>
    public required double Activity { get; init; }

    /// <summary>Octets the store's log grows by for one message.</summary>
    public required double Log { get; init; }

    /// <summary>How many times the average the busiest hour is.</summary>
    public double Peak { get; init; } = 4;

    /// <summary>Failed attempts for each message.</summary>
    public double Retries { get; init; } = 0.15;

    /// <summary>The share of a day's mail that must fit into the queue at once.</summary>
    public double Backlog { get; init; } = 1;

    /// <summary>Days for which it is known what happened.</summary>
    public double ActivityDays { get; init; } = 7;

    /// <summary>How far a core is planned to be used at the peak.</summary>
    public double Load { get; init; } = 0.6;

    public int CoresPerNode { get; init; } = 8;

    /// <summary>Octets of memory that a shard is planned to hold; the watermark is part of it.</summary>
    public double ShardMemory { get; init; } = 48e9;
}
