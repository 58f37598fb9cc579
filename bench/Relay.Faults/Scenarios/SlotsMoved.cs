using Relay.Faults.Checking;
using Relay.Faults.Ledgers;
using Relay.Faults.Stages;
using Relay.Faults.Stores;

namespace Relay.Faults.Scenarios;

/// <summary>
/// F27. A cluster is rebalanced under load: slots, and with them partitions, go from one primary to another key by key. Meanwhile
/// the store refuses what would touch keys on both sides (ASK, TRYAGAIN), and behind it each question for the slot (MOVED).
/// </summary>
internal sealed class SlotsMoved : Scenario
{
    public override string Id => "F27";

    public override string Fault => "slots go to another primary under load";

    public override string Expectation => "451 and 503 at most for a moment; nothing lost or doubled, nothing left on either side";

    public override IReadOnlyList<StoreKind> Stores => [StoreKind.Cluster];

    public override (int Short, int Long) Rounds => (1, 20);

    // What is loaded, compiled and remembered for the first time is no growth; the others kill before there is much of it.
    private const int WarmUp = 3_000;

    public override async Task<Verdict> PlayAsync(RunRequest request, CancellationToken cancellation)
    {
        await using var stage = await Stage.StartAsync(Id, request, cancellation, new StageSetup
        {
            Settings = (relay, _) => relay.With("Queue:Lease", "00:00:05"),
        });
        var cluster = (ClusterStore)stage.Store!;
        for (var round = 0; round < request.Rounds; round++)
        {
            var load = stage.Load();
            await stage.WaitForAcceptedAsync(request.IsLong && round == 0 ? WarmUp : 30, cancellation);
            await stage.StrikeAsync(StrikeKind.SlotsMoved, "slots moved", () => cluster.MoveSlotsAsync(stage.Random, cancellation));
            await stage.RecoverAsync("slots were moved", cancellation);
            await stage.WaitForAcceptedAsync(20, cancellation);
            await load.StopAsync();
        }

        await stage.DrainAsync(cancellation);
        return await stage.CheckAsync(Promise.CrashSafe, cancellation);
    }
}
