using System.Text.Json.Nodes;
using Relay.Faults.Checking;
using Relay.Faults.Stages;
using Relay.Faults.Stores;

namespace Relay.Faults.Scenarios;

/// <summary>F23. Doors and delivery are processes of their own; each is killed in turn.</summary>
internal sealed class SplitRoles : Scenario
{
    public override string Id => "F23";

    public override string Fault => "doors and delivery apart, each killed in turn";

    public override string Expectation => "as F1: nothing lost, whoever dies";

    public override IReadOnlyList<StoreKind> Stores => [StoreKind.Redis];

    public override (int Short, int Long) Rounds => (2, 60);

    public override async Task<Verdict> PlayAsync(RunRequest request, CancellationToken cancellation)
    {
        await using var stage = await Stage.StartAsync(Id, request, cancellation, new StageSetup
        {
            Relays = 2,

            // The first also has the doors by which the ledgers are read.
            Settings = (relay, number) => relay.With("Roles", number == 0 ? new JsonArray("intake") : new JsonArray("delivery", "feedback")),
        });
        var load = stage.Load(relays: [stage.Relay]);
        for (var round = 0; round < request.Rounds; round++)
        {
            await stage.WaitForAcceptedAsync(20, cancellation);
            await stage.ChanceAsync(TimeSpan.FromMilliseconds(300), cancellation);
            var killed = stage.Relays[round % 2];
            await stage.KillAsync(killed);
            await killed.StartAgainAsync(cancellation);
        }

        await stage.WaitForAcceptedAsync(20, cancellation);
        await load.StopAsync();
        await stage.DrainAsync(cancellation);
        return await stage.CheckAsync(Promise.CrashSafe, cancellation);
    }
}
