using Relay.Faults.Checking;
using Relay.Faults.Ledgers;
using Relay.Faults.Stages;
using Relay.Faults.Stores;

namespace Relay.Faults.Scenarios;

/// <summary>
/// F21 and F22. The primary is killed under load and a replica takes its place. What only the primary had is gone: with an
/// acknowledgement of the replicas (WAIT) that is little or nothing, without it what was on its way to them.
/// </summary>
internal sealed class Failover(string id, StoreKind plain, StoreKind acknowledged) : Scenario
{
    public static Failover OfSentinel { get; } = new("F21", StoreKind.Sentinel, StoreKind.SentinelWait);

    public static Failover OfCluster { get; } = new("F22", StoreKind.Cluster, StoreKind.ClusterWait);

    public override string Id => id;

    public override string Fault => $"failover of a {StoreKinds.WordOf(plain)}, with and without WAIT";

    public override string Expectation => "goes on by itself; what is lost is what the published class says";

    public override IReadOnlyList<StoreKind> Stores => [acknowledged, plain];

    public override (int Short, int Long) Rounds => (1, 20);

    public override async Task<Verdict> PlayAsync(RunRequest request, CancellationToken cancellation)
    {
        var replicas = request.Store == acknowledged ? 1 : 0;
        await using var stage = await Stage.StartAsync(Id, request, cancellation, new StageSetup
        {
            Settings = (relay, _) => relay.With("Durability:Replicas", replicas).With("Queue:Lease", "00:00:05"),
        });
        for (var round = 0; round < request.Rounds; round++)
        {
            var load = stage.Load();
            await stage.WaitForAcceptedAsync(30, cancellation);
            await stage.ChanceAsync(TimeSpan.FromMilliseconds(300), cancellation);
            await stage.StrikeAsync(StrikeKind.Failover, "primary killed", () => ((ReplicatedStore)stage.Store!).FailOverAsync(stage.Random, cancellation));
            if (replicas > 0)
            {
                // Who waits for a replica is refused until there is one again.
                await stage.Store!.StartAgainAsync(cancellation);
            }

            await stage.RecoverAsync("a replica had taken over", cancellation);
            await stage.WaitForAcceptedAsync(20, cancellation);
            await load.StopAsync();
            await stage.Store!.StartAgainAsync(cancellation);
        }

        await stage.DrainAsync(cancellation);

        // Power-safe speaks of one machine, replicated of the loss of one: what a failover asks for is more than either.
        return await stage.CheckAsync(Promise.Failover, cancellation);
    }
}
