using Relay.Faults.Checking;
using Relay.Faults.Ledgers;
using Relay.Faults.Stages;
using Relay.Faults.Stores;

namespace Relay.Faults.Scenarios;

/// <summary>
/// F4. Under load the power of the store's machine goes: only what was flushed is there afterwards. An embedded store has the
/// relay's machine, so the relay goes with it.
/// </summary>
internal sealed class PowerCut : Scenario
{
    private const int DiskMebibytes = 192;

    public override string Id => "F4";

    public override string Fault => "power cut of the store's machine";

    public override string Expectation => "power-safe: nothing lost; crash-safe: what it loses is told";

    public override IReadOnlyList<StoreKind> Stores => [StoreKind.Redis, StoreKind.Embedded, StoreKind.RedisEverySec];

    public override bool NeedsRoot => true;

    public override (int Short, int Long) Rounds => (2, 30);

    public override async Task<Verdict> PlayAsync(RunRequest request, CancellationToken cancellation)
    {
        await using var disk = await LoopDisk.MakeAsync(DiskMebibytes, cancellation);
        await using var stage = await Stage.StartAsync(Id, request, cancellation, StageSetup.On(disk, request.Store));
        if (stage.Store is RedisStore redis)
        {
            // A cut within a second of the relay's first start takes the store's own name with all the rest. What is then is F18: such
            // a store is refused until the relay is started anew.
            await redis.FlushAsync(cancellation);
        }

        var load = stage.Load();
        for (var round = 0; round < request.Rounds; round++)
        {
            await stage.WaitForAcceptedAsync(40, cancellation);
            await stage.ChanceAsync(TimeSpan.FromMilliseconds(300), cancellation);
            await stage.StrikeAsync(stage.Store is null ? StrikeKind.MachineCut : StrikeKind.PowerCut, "power cut", () => CutAsync(stage, disk, cancellation));
            await stage.RecoverAsync("the store was back", cancellation);
        }

        await stage.WaitForAcceptedAsync(20, cancellation);
        await load.StopAsync();
        await stage.DrainAsync(cancellation);
        return await stage.CheckAsync(Promise.PowerSafe, cancellation);
    }

    private static async Task CutAsync(Stage stage, LoopDisk disk, CancellationToken cancellation)
    {
        if (stage.Store is { } store)
        {
            store.Pause();
            var left = await disk.CopyAsync(cancellation);
            await store.KillAsync();
            await disk.GoOnWithAsync(left, cancellation);
            await store.StartAgainAsync(cancellation);
        }
        else
        {
            stage.Relay.Pause();
            var left = await disk.CopyAsync(cancellation);
            await stage.Relay.KillAsync();
            await disk.GoOnWithAsync(left, cancellation);
            await stage.Relay.StartAgainAsync(cancellation);
        }
    }
}
