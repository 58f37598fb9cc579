using System.Collections.Immutable;

namespace Relay.Faults.Ledgers;

/// <summary>What all sides wrote down, once all is quiet. The invariants are functions of this and nothing else.</summary>
internal sealed record ClosedBook
{
    public ImmutableArray<Submission> Submissions { get; init; } = [];
    public ImmutableArray<Arrival> Arrivals { get; init; } = [];
    public ImmutableArray<Strike> Strikes { get; init; } = [];
    public ImmutableArray<Told> Told { get; init; } = [];
    public ImmutableArray<Listed> Listed { get; init; } = [];
}
