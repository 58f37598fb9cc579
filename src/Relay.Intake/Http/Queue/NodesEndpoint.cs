using Microsoft.AspNetCore.Http;
using Relay.Intake.Http.Json;
using Relay.Mail.Queue;

namespace Relay.Intake.Http.Queue;

/// <summary><c>GET /queue/nodes</c>: who runs on this store, and who owns which partitions of the queue.</summary>
internal sealed class NodesEndpoint(INodeReader nodes)
{
    public async Task<IResult> ListAsync(HttpContext context)
    {
        var overview = await nodes.ListAsync(context.RequestAborted);
        return TypedResults.Json(new NodesView([.. overview.Nodes.Select(NodeView.Of)], overview.Unowned), AnswerJson.Default.NodesView);
    }
}

/// <param name="Unowned">Partitions that nobody owns now: their mail waits until somebody does.</param>
internal sealed record NodesView(IReadOnlyList<NodeView> Items, IReadOnlyList<int> Unowned);

/// <param name="Units">That wait in its partitions; absent where to count them would cost much.</param>
internal sealed record NodeView(
    string Id,
    string Name,
    IReadOnlyList<string> Roles,
    string Version,
    DateTimeOffset Since,
    DateTimeOffset LastSeen,
    long? Units,
    IReadOnlyList<PartitionView> Partitions)
{
    public static NodeView Of(NodeStatus node) => new(
        node.Id,
        node.Name,
        node.Roles,
        node.Version,
        node.Since,
        node.LastSeen,
        node.Partitions.All(p => p.Units is not null) ? node.Partitions.Sum(p => p.Units) : null,
        [.. node.Partitions.Select(p => new PartitionView(p.Number, p.Epoch, p.Units))]);
}

/// <param name="Epoch">Grows with each owner that the partition gets.</param>
internal sealed record PartitionView(int Number, long Epoch, long? Units);
