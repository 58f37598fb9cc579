using Relay.Faults.Stores;

namespace Relay.Faults.Scenarios;

/// <summary>All scenarios, in their order.</summary>
internal static class Catalogue
{
    public static IReadOnlyList<Scenario> All { get; } =
    [
        new RelayKilled(),
        new CrashPointReached(),
        new StoreKilled(),
        new PowerCut(),
        new StoreFull(),
        new StoreRefuses(),
        new DiskFull(),
        new StorePaused(),
        new NodePaused(),
        new NodeLost(),
        new BadDestinations(),
        new AnswersLost(),
        new DnsTrouble(),
        new ClockJumps(),
        new TlsTrouble(),
        new Webhooks(),
        new RollingRestarts(),
        new StoreDamaged(),
        new ManyClients(),
        new Soak(),
        Failover.OfSentinel,
        Failover.OfCluster,
        new SplitRoles(),
        new NodesOnCluster(),
        new FlightsCut(),
        new BouncesComeBack(),
        new SlotsMoved(),
    ];

    public static Scenario Find(string id) =>
        All.FirstOrDefault(s => s.Id.Equals(id, StringComparison.OrdinalIgnoreCase))
        ?? throw new ArgumentException($"there is no scenario {id}; there are {string.Join(", ", All.Select(s => s.Id))}");
}
