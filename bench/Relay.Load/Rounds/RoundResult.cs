using Relay.Load.Machine;
using Relay.Load.Traffic;

namespace Relay.Load.Rounds;

/// <summary>What one round measured, per part where several processes did the work.</summary>
internal sealed record RoundResult
{
    public required int Accepted { get; init; }

    public required int Refused { get; init; }

    public required string? FirstRefusal { get; init; }

    public required int Lost { get; init; }

    public required int Duplicates { get; init; }

    public required TimeSpan AcceptTime { get; init; }

    public required TimeSpan DeliveryTime { get; init; }

    public required Latency AcceptLatency { get; init; }

    public required Latency DeliveryLatency { get; init; }

    /// <summary>From the 250 to the arrival.</summary>
    public required Latency HandlingLatency { get; init; }

    /// <summary>CPU of the measured phase and peak memory since the start, by part.</summary>
    public required IReadOnlyDictionary<string, ProcessCost> Costs { get; init; }

    public required TimeSpan GeneratorCpu { get; init; }

    public required long? AllocatedBytes { get; init; }

    /// <summary>What the store did for it; null where there is none that tells.</summary>
    public required StoreWork? Store { get; init; }

    /// <summary>Connections the server opened to the sink in the measured phase.</summary>
    public required long Connections { get; init; }

    /// <summary>The share of the machine's CPU that went to anything but the server and us: what makes a round worthless.</summary>
    public required double TakenByOthers { get; init; }

    public double AcceptedPerSecond => AcceptTime > TimeSpan.Zero ? Accepted / AcceptTime.TotalSeconds : 0;

    public double DeliveredPerSecond => DeliveryTime > TimeSpan.Zero ? (Accepted - Lost) / DeliveryTime.TotalSeconds : 0;

    public double CpuPerThousand => Costs.Values.Sum(cost => PerThousand(cost.Cpu));

    /// <summary>Without the children by which the store writes its log anew now and then: all that it holds, which falls on one round and not on another.</summary>
    public double SteadyCpuPerThousand => CpuPerThousandOf("relay") + (Store is { } store ? PerThousand(store.Cpu) : CpuPerThousandOf("redis"));

    public double GeneratorCpuPerThousand => PerThousand(GeneratorCpu);

    public double CpuPerThousandOf(string part) => Costs.TryGetValue(part, out var cost) ? PerThousand(cost.Cpu) : 0;

    private double PerThousand(TimeSpan cpu) => cpu.TotalSeconds * 1000 / Math.Max(1, Accepted);
}
