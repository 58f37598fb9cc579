using Relay.Faults.Checking;
using Relay.Faults.Ledgers;
using Relay.Faults.Stages;
using Relay.Faults.Stores;

namespace Relay.Faults.Scenarios;

/// <summary>F8. The store is stopped and continued: what waited in the sockets runs after its sender has been told no.</summary>
internal sealed class StorePaused : Scenario
{
    // Beyond the answer timeout, beyond the lease, and far beyond it.
    private static readonly TimeSpan[] ShortPauses = [TimeSpan.FromSeconds(8)];
    private static readonly TimeSpan[] LongPauses = [TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(120)];

    public override string Id => "F8";

    public override string Fault => "SIGSTOP of the store under load";

    public override string Expectation => "451 within the client's deadline; what runs afterwards is cancelled or delivered once; leases survive";

    public override IReadOnlyList<StoreKind> Stores => [StoreKind.Redis];

    public override (int Short, int Long) Rounds => (1, 6);

    public override async Task<Verdict> PlayAsync(RunRequest request, CancellationToken cancellation)
    {
        await using var stage = await Stage.StartAsync(Id, request, cancellation);
        var pauses = request.IsLong ? LongPauses : ShortPauses;
        var load = stage.Load();
        for (var round = 0; round < request.Rounds; round++)
        {
            await stage.WaitForAcceptedAsync(20, cancellation);
            await stage.ChanceAsync(TimeSpan.FromMilliseconds(300), cancellation);
            var pause = pauses[round % pauses.Length];
            await stage.StrikeAsync(StrikeKind.StoreAway, $"store stopped for {pause.TotalSeconds:0} s", async () =>
            {
                stage.Store!.Pause();
                await Task.Delay(pause, cancellation);
                stage.Store.Continue();
            });
            await stage.RecoverAsync("the store went on", cancellation);
        }

        await stage.WaitForAcceptedAsync(20, cancellation);
        await load.StopAsync();
        await stage.DrainAsync(cancellation);
        var verdict = await stage.CheckAsync(Promise.CrashSafe, cancellation);
        return verdict with { Findings = [.. verdict.Findings, .. Invariants.NobodyWaitsInVain(stage.Book.Close())] };
    }
}
