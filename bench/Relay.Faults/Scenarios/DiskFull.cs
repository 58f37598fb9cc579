using Relay.Faults.Checking;
using Relay.Faults.Clients;
using Relay.Faults.Ledgers;
using Relay.Faults.Sink;
using Relay.Faults.Stages;
using Relay.Faults.Stores;

namespace Relay.Faults.Scenarios;

/// <summary>F7. The store's disk is full: Redis that always flushes exits, one that flushes each second refuses, the embedded one is to refuse and live. Then there is room again.</summary>
internal sealed class DiskFull : Scenario
{
    private const int DiskMebibytes = 160;
    private static readonly SinkMood Closed = new() { Recipient = _ => "450 4.2.1 come back later" };
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public override string Id => "F7";

    public override string Fault => "the store's disk is full";

    public override string Expectation => "452, 451 or 503; recovers when there is room; power-safe: nothing lost";

    public override IReadOnlyList<StoreKind> Stores => [StoreKind.Redis, StoreKind.Embedded, StoreKind.RedisEverySec];

    public override bool NeedsRoot => true;

    public override (int Short, int Long) Rounds => (1, 10);

    public override async Task<Verdict> PlayAsync(RunRequest request, CancellationToken cancellation)
    {
        await using var disk = await LoopDisk.MakeAsync(DiskMebibytes, cancellation);
        await using var stage = await Stage.StartAsync(Id, request, cancellation, StageSetup.On(disk, request.Store));
        for (var round = 0; round < request.Rounds; round++)
        {
            await FillAsync(stage, disk, cancellation);
            await stage.DrainAsync(cancellation);
        }

        return await stage.CheckAsync(Promise.PowerSafe, cancellation);
    }

    private static async Task FillAsync(Stage stage, LoopDisk disk, CancellationToken cancellation)
    {
        stage.Sink.Mood = Closed;
        var load = stage.Load(new LoadPlan { Pause = TimeSpan.FromMilliseconds(10) });
        await stage.WaitForAcceptedAsync(20, cancellation);
        await stage.StrikeAsync(StrikeKind.StoreAway, "disk full", async () =>
        {
            // The next few hundred mails take what is left.
            await disk.FillAsync(leaveKibibytes: 512, cancellation);
            await WaitForRefusalsAsync(stage, cancellation);
            await Task.Delay(TimeSpan.FromSeconds(1), cancellation);
            stage.Note($"refuses after {stage.Book.Accepted} were accepted; the store {(IsStoreUp(stage) ? "lives" : "has ended")}");
            disk.MakeRoom();
        });

        stage.Sink.Mood = SinkMood.Kind;
        if (!IsStoreUp(stage))
        {
            // A supervisor does this.
            await (stage.Store is { } store ? store.StartAgainAsync(cancellation) : stage.Relay.StartAgainAsync(cancellation));
        }

        await stage.RecoverAsync("there was room", cancellation);
        await stage.WaitForAcceptedAsync(20, cancellation);
        await load.StopAsync();
    }

    private static bool IsStoreUp(Stage stage) => stage.Store is RedisStore redis ? redis.Server.IsRunning : stage.Relay.IsRunning;

    private static async Task WaitForRefusalsAsync(Stage stage, CancellationToken cancellation)
    {
        var before = stage.Book.Refused;
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(Patience);
        while (stage.Book.Refused < before + 10 && IsStoreUp(stage))
        {
            await Task.Delay(20, deadline.Token);
        }
    }
}
