using Relay.Mail.Queue;

namespace Relay.TestKit.InMemory;

/// <summary>The nodes that a test says there are.</summary>
public sealed class InMemoryNodes : INodeReader
{
    public NodeOverview Overview { get; set; } = new([], []);

    public ValueTask<NodeOverview> ListAsync(CancellationToken cancellation) => ValueTask.FromResult(Overview);
}
