using System.Globalization;
using Relay.Faults.Checking;
using Relay.Faults.Clients;
using Relay.Faults.Ledgers;
using Relay.Faults.Sink;
using Relay.Faults.Stages;
using Relay.Faults.Stores;

namespace Relay.Faults.Scenarios;

/// <summary>
/// F5. The destination takes nothing, mail piles up, and the store runs out of memory: at first to the watermark, then really,
/// so that it refuses every write in a MULTI. The relay is killed and starts on a store that is full, and the destination comes
/// back before the memory does.
/// </summary>
internal sealed class StoreFull : Scenario
{
    private const int Mebibytes = 24;
    private static readonly SinkMood Closed = new() { Recipient = _ => "450 4.2.1 come back later" };
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public override string Id => "F5";

    public override string Fault => "store out of memory, then freed";

    public override string Expectation => "452 and 503; the queue still drains while the store is full, by a relay that starts on it too; nothing half-stored";

    public override IReadOnlyList<StoreKind> Stores => [StoreKind.Redis];

    public override (int Short, int Long) Rounds => (1, 10);

    public override async Task<Verdict> PlayAsync(RunRequest request, CancellationToken cancellation)
    {
        var limit = Mebibytes.ToString(CultureInfo.InvariantCulture) + "mb";
        await using var stage = await Stage.StartAsync(Id, request, cancellation, new StageSetup
        {
            Settings = (relay, _) => relay.With("Queue:MissingRecordGrace", "00:00:05"),
        });
        var redis = ((RedisStore)stage.Store!).Server;
        var wrong = new List<Finding>();
        for (var round = 0; round < request.Rounds; round++)
        {
            stage.Sink.Mood = Closed;
            await redis.AskAsync(cancellation, "CONFIG", "SET", "maxmemory", limit);
            var load = stage.Load(new LoadPlan { LargeShare = 0.3, Pause = TimeSpan.FromMilliseconds(5) });
            await stage.StrikeAsync(StrikeKind.StoreAway, "store full", async () =>
            {
                await WaitForRefusalsAsync(stage, cancellation);
                stage.Note($"refuses at the watermark, {stage.Book.Accepted} accepted");
                await redis.AskAsync(cancellation, "CONFIG", "SET", "maxmemory", "1mb");
                await Task.Delay(TimeSpan.FromSeconds(2), cancellation);
                await load.StopAsync();
                await stage.KillAsync(stage.Relay);
                await stage.Relay.StartAgainAsync(cancellation);

                stage.Sink.Mood = SinkMood.Kind;
                if (!await DrainsAsync(stage, cancellation))
                {
                    wrong.Add(new Finding("F5", "drain", $"{await stage.DepthAsync(cancellation)} units wait after {Patience.TotalSeconds:0} s: the queue does not drain while the store is full"));
                }

                await redis.AskAsync(cancellation, "CONFIG", "SET", "maxmemory", "1gb");
            });
            await stage.DrainAsync(cancellation);
            var again = stage.Load();
            await stage.RecoverAsync("there was room", cancellation);
            await stage.WaitForAcceptedAsync(10, cancellation);
            await again.StopAsync();
        }

        await stage.DrainAsync(cancellation);
        var verdict = await stage.CheckAsync(Promise.CrashSafe, cancellation);
        return verdict with { Findings = [.. verdict.Findings, .. wrong] };
    }

    private static async Task WaitForRefusalsAsync(Stage stage, CancellationToken cancellation)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(Patience);
        while (stage.Book.Refused < 20)
        {
            await Task.Delay(20, deadline.Token);
        }
    }

    private static async Task<bool> DrainsAsync(Stage stage, CancellationToken cancellation)
    {
        var until = DateTimeOffset.UtcNow + Patience;
        while (DateTimeOffset.UtcNow < until)
        {
            if (await stage.DepthAsync(cancellation) == 0)
            {
                return true;
            }

            await Task.Delay(200, cancellation);
        }

        return false;
    }
}
