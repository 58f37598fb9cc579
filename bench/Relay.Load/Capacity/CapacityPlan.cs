namespace Relay.Load.Capacity;

/// <summary>What a volume of mail needs. Plain multiplication, so that each figure can be checked by hand.</summary>
internal sealed record CapacityPlan(CapacityInputs Inputs, double MessagesPerDay)
{
    private const double SecondsPerDay = 86_400;

    // An embedded or a lone process loses its service with its machine; from here on there are at least two of everything.
    private const int FewestNodes = 2;

    /// <summary>Messages a second.</summary>
    public double Average => MessagesPerDay / SecondsPerDay;

    public double AtPeak => Average * Inputs.Peak;

    /// <summary>CPU seconds for one message with the failed attempts that fall to it: of the relay, and of the store.</summary>
    public (double Relay, double Store) CpuPerMessage
    {
        get
        {
            var storeShare = Inputs.StoreCpu / (Inputs.RelayCpu + Inputs.StoreCpu);
            var retries = Inputs.Retries * Inputs.RetryCpu;
            return (Inputs.RelayCpu + (retries * (1 - storeShare)), Inputs.StoreCpu + (retries * storeShare));
        }
    }

    public double RelayCores => AtPeak * CpuPerMessage.Relay / Inputs.Load;

    /// <summary>A node fewer must still carry the peak.</summary>
    public int Nodes => Math.Max(FewestNodes, 1 + (int)Math.Ceiling(RelayCores / Inputs.CoresPerNode));

    /// <summary>A shard computes on one core.</summary>
    public double StoreCores => AtPeak * CpuPerMessage.Store / Inputs.Load;

    public double QueueMemory => MessagesPerDay * Inputs.Backlog * (Inputs.Size + Inputs.QueuedOverhead);

    public double ActivityMemory => MessagesPerDay * Inputs.ActivityDays * Inputs.Activity;

    public int Shards => (int)Math.Ceiling(Math.Max(StoreCores, (QueueMemory + ActivityMemory) / Inputs.ShardMemory));

    /// <summary>Whether memory and not computing asks for so many.</summary>
    public bool ShardsHoldMemory => (QueueMemory + ActivityMemory) / Inputs.ShardMemory > StoreCores;

    /// <summary>Octets a second that the store's logs grow by at the peak, of all shards.</summary>
    public double LogRate => AtPeak * Inputs.Log;

    /// <summary>What the logs need: as much as the memory, twice while they are rewritten, and as much again to grow until then.</summary>
    public double Disk => 4 * (QueueMemory + ActivityMemory);

    /// <summary>Bits a second at the peak: in by a door, to the store, to its replica, and out.</summary>
    public double Network => AtPeak * Inputs.Size * 4 * 8;
}
