using Relay.Faults.Checking;
using Relay.Faults.Ledgers;
using Relay.Faults.Stages;
using Relay.Faults.Stores;

namespace Relay.Faults.Scenarios;

/// <summary>F3. Under load the store is killed and comes back after 0, 3 or 30 seconds.</summary>
internal sealed class StoreKilled : Scenario
{
    private static readonly TimeSpan[] ShortOutages = [TimeSpan.Zero, TimeSpan.FromSeconds(3)];
    private static readonly TimeSpan[] LongOutages = [TimeSpan.Zero, TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(30)];

    public override string Id => "F3";

    public override string Fault => "kill -9 of the store, back after 0, 3, 30 s";

    public override string Expectation => "451 and 503 meanwhile; nothing lost, nothing doubled";

    public override IReadOnlyList<StoreKind> Stores => [StoreKind.Redis, StoreKind.RedisEverySec];

    public override (int Short, int Long) Rounds => (2, 30);

    public override async Task<Verdict> PlayAsync(RunRequest request, CancellationToken cancellation)
    {
        await using var stage = await Stage.StartAsync(Id, request, cancellation);
        var outages = request.IsLong ? LongOutages : ShortOutages;
        var load = stage.Load();
        for (var round = 0; round < request.Rounds; round++)
        {
            await stage.WaitForAcceptedAsync(20, cancellation);
            await stage.ChanceAsync(TimeSpan.FromMilliseconds(300), cancellation);
            var outage = outages[round % outages.Length];
            await stage.StrikeAsync(StrikeKind.StoreKilled, $"store gone for {outage.TotalSeconds:0} s", async () =>
            {
                await stage.Store!.KillAsync();
                await Task.Delay(outage, cancellation);
                await stage.Store.StartAgainAsync(cancellation);
            });
            await stage.RecoverAsync("the store was back", cancellation);
        }

        await stage.WaitForAcceptedAsync(20, cancellation);
        await load.StopAsync();
        await stage.DrainAsync(cancellation);
        return await stage.CheckAsync(Promise.CrashSafe, cancellation);
    }
}
