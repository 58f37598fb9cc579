using Relay.Load.Machine;
using Relay.Load.Traffic;

namespace Relay.Load.Targets;

/// <summary>A server under test, running. Disposing stops it.</summary>
internal interface ITarget : IAsyncDisposable
{
    Door Door { get; }

    /// <summary>What each part of it has cost since it was started, by the part's name.</summary>
    Task<Usage> ReadUsageAsync(CancellationToken cancellation);
}

/// <param name="AllocatedBytes">Bytes allocated on the managed heap; null where there is none or it is not told.</param>
/// <param name="Store">What its store has done; null where it has none that tells.</param>
internal sealed record Usage(IReadOnlyDictionary<string, ProcessCost> Parts, long? AllocatedBytes, StoreWork? Store = null)
{
    public static Usage None { get; } = new(new Dictionary<string, ProcessCost>(), null);
}
