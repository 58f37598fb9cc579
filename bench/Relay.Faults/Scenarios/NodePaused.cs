using Relay.Faults.Checking;
using Relay.Faults.Ledgers;
using Relay.Faults.Stages;
using Relay.Faults.Stores;

namespace Relay.Faults.Scenarios;

/// <summary>F9. One of several nodes stands still for longer than its lease, the others take over, and it goes on as if nothing had been.</summary>
internal sealed class NodePaused : Scenario
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(4);

    public override string Id => "F9";

    public override string Fault => "SIGSTOP of a node for longer than its lease, then SIGCONT";

    public override string Expectation => "others take over; the old owner sends nothing more of it: no double that is not admitted";

    public override IReadOnlyList<StoreKind> Stores => [StoreKind.Redis];

    public override (int Short, int Long) Rounds => (1, 30);

    public override async Task<Verdict> PlayAsync(RunRequest request, CancellationToken cancellation)
    {
        await using var stage = await Stage.StartAsync(Id, request, cancellation, new StageSetup
        {
            Relays = 2,
            Settings = (relay, _) => relay.With("Queue:Lease", Lease.ToString()),
        });
        for (var round = 0; round < request.Rounds; round++)
        {
            var paused = stage.Relays[round % stage.Relays.Count];
            var load = stage.Load();
            await stage.WaitForAcceptedAsync(30, cancellation);
            await stage.ChanceAsync(TimeSpan.FromMilliseconds(300), cancellation);

            // The clients go with it: one that waits for a relay that stands still shows nothing.
            await stage.StrikeAsync(StrikeKind.RelayPaused, stage.NameOf(paused), async () =>
            {
                paused.Pause();
                var others = stage.Load(relays: [.. stage.Relays.Where(r => r != paused)]);
                await Task.Delay(Lease * 3, cancellation);
                paused.Continue();
                await others.StopAsync();
            });
            await load.StopAsync();
        }

        await stage.DrainAsync(cancellation);
        return await stage.CheckAsync(Promise.CrashSafe, cancellation);
    }
}
