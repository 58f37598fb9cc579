using Relay.Faults.Checking;
using Relay.Faults.Ledgers;
using Relay.Faults.Stages;

namespace Relay.Faults.Scenarios;

/// <summary>F17. Under load the relay is stopped in order and started again, again and again.</summary>
internal sealed class RollingRestarts : Scenario
{
    public override string Id => "F17";

    public override string Fault => "SIGTERM under load, and started again";

    public override string Expectation => "nothing lost, nothing doubled, exit code 0";

    public override (int Short, int Long) Rounds => (3, 50);

    public override async Task<Verdict> PlayAsync(RunRequest request, CancellationToken cancellation)
    {
        await using var stage = await Stage.StartAsync(Id, request, cancellation);
        var load = stage.Load();
        var wrong = new List<Finding>();
        for (var round = 0; round < request.Rounds; round++)
        {
            await stage.WaitForAcceptedAsync(20, cancellation);
            await stage.ChanceAsync(TimeSpan.FromMilliseconds(200), cancellation);
            await stage.StrikeAsync(StrikeKind.RelayStopped, stage.NameOf(stage.Relay), async () =>
            {
                if (await stage.Relay.StopAsync(cancellation) is var exit and not 0)
                {
                    wrong.Add(new Finding("F17", $"round {round + 1}", $"the stop ended with {exit}"));
                }

                await stage.Relay.StartAgainAsync(cancellation);
            });
        }

        await load.StopAsync();
        await stage.DrainAsync(cancellation);
        var verdict = await stage.CheckAsync(Promise.CrashSafe, cancellation);
        return verdict with { Findings = [.. verdict.Findings, .. wrong] };
    }
}
