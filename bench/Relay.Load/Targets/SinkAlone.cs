using System.Net;
using Relay.Load.Traffic;

namespace Relay.Load.Targets;

/// <summary>No server at all: what generator and sink can do with the cores to themselves.</summary>
internal sealed class SinkAlone(IPEndPoint sink) : ITarget
{
    public Door Door { get; } = new(sink);

    public Task<Usage> ReadUsageAsync(CancellationToken cancellation) => Task.FromResult(Usage.None);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
