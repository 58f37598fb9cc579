namespace Relay.Redis.Nodes;

/// <summary>A node as it tells of itself.</summary>
internal sealed record NodeRecord
{
    public required string Owner { get; init; }
    public required string Id { get; init; }
    public required string Name { get; init; }
    public required IReadOnlyList<string> Roles { get; init; }
    public required string Version { get; init; }
    public required DateTimeOffset Since { get; init; }
    public required DateTimeOffset LastSeen { get; init; }

    /// <summary>Takes a share of the partitions.</summary>
    public required bool Delivers { get; init; }
}
