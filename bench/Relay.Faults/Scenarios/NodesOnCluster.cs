using Relay.Faults.Checking;
using Relay.Faults.Stages;
using Relay.Faults.Stores;

namespace Relay.Faults.Scenarios;

/// <summary>F24. Several relays share a cluster; one is killed, and in the next round a shard's primary with it.</summary>
internal sealed class NodesOnCluster : Scenario
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(4);

    public override string Id => "F24";

    public override string Fault => "three relays on a cluster, one killed, then one and a primary";

    public override string Expectation => "the others take over, partition by partition, whatever shard it stands on; doubles admitted";

    public override IReadOnlyList<StoreKind> Stores => [StoreKind.ClusterWait];

    public override (int Short, int Long) Rounds => (2, 40);

    public override async Task<Verdict> PlayAsync(RunRequest request, CancellationToken cancellation)
    {
        await using var stage = await Stage.StartAsync(Id, request, cancellation, new StageSetup
        {
            Relays = request.Relays,
            Settings = (relay, _) => relay.With("Durability:Replicas", 1).With("Queue:Lease", Lease.ToString()),
        });
        var cluster = (ReplicatedStore)stage.Store!;
        for (var round = 0; round < request.Rounds; round++)
        {
            var load = stage.Load();
            await stage.WaitForAcceptedAsync(30, cancellation);
            await stage.ChanceAsync(TimeSpan.FromMilliseconds(300), cancellation);

            // The ledgers are read at the first, and a shard may be the reason why it is not ready.
            var killed = stage.Relays[stage.Random.Next(1, stage.Relays.Count)];
            await stage.KillAsync(killed);
            if (round % 2 == 1)
            {
                await stage.StrikeAsync(Ledgers.StrikeKind.Failover, "primary killed", () => cluster.FailOverAsync(stage.Random, cancellation));
            }

            await load.StopAsync();
            await stage.DrainAsync(cancellation);
            await cluster.StartAgainAsync(cancellation);
            await killed.StartAgainAsync(cancellation);
        }

        await stage.DrainAsync(cancellation);
        return await stage.CheckAsync(request.Rounds > 1 ? Promise.Failover : Promise.CrashSafe, cancellation);
    }
}
