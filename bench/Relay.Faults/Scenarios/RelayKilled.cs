using Relay.Faults.Checking;
using Relay.Faults.Stages;

namespace Relay.Faults.Scenarios;

/// <summary>F1. Under load the relay is killed at random moments and started again at once.</summary>
internal sealed class RelayKilled : Scenario
{
    public override string Id => "F1";

    public override string Fault => "kill -9 of the relay at random moments";

    public override string Expectation => "nothing lost; doubles at most the mail between dot and answer; all signatures good";

    public override (int Short, int Long) Rounds => (3, 100);

    public override async Task<Verdict> PlayAsync(RunRequest request, CancellationToken cancellation)
    {
        await using var stage = await Stage.StartAsync(Id, request, cancellation, new StageSetup { Signs = true });
        var load = stage.Load();
        for (var round = 0; round < request.Rounds; round++)
        {
            await stage.WaitForAcceptedAsync(20, cancellation);
            await stage.ChanceAsync(TimeSpan.FromMilliseconds(300), cancellation);
            await stage.KillAsync(stage.Relay);
            await stage.Relay.StartAgainAsync(cancellation);
        }

        await stage.WaitForAcceptedAsync(20, cancellation);
        await load.StopAsync();
        await stage.DrainAsync(cancellation);
        return await stage.CheckAsync(Promise.CrashSafe, cancellation);
    }
}
