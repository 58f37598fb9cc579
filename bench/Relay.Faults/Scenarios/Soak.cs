using Relay.Faults.Checking;
using Relay.Faults.Ledgers;
using Relay.Faults.Sink;
using Relay.Faults.Stages;
using Relay.Faults.Stores;

namespace Relay.Faults.Scenarios;

/// <summary>F20. For a long time: kills of relay and store and bad moods of the sink, as chance has it.</summary>
internal sealed class Soak : Scenario
{
    private static readonly TimeSpan Short = TimeSpan.FromSeconds(40);
    private static readonly TimeSpan Long = TimeSpan.FromHours(2);

    public override string Id => "F20";

    public override string Fault => "soak with F1, F3 and F11 at random (--duration 08:00:00 for the night)";

    public override string Expectation => "everything holds, and nothing grows";

    public override IReadOnlyList<StoreKind> Stores => [StoreKind.Redis];

    public override (int Short, int Long) Rounds => (1, 1);

    public override async Task<Verdict> PlayAsync(RunRequest request, CancellationToken cancellation)
    {
        // What is killed again and again has no time to grow: in the long form a second relay lives through everything.
        await using var stage = await Stage.StartAsync(Id, request, cancellation, new StageSetup { Relays = request.IsLong ? 2 : 1 });
        var began = DateTimeOffset.UtcNow;
        var until = began + (request.Duration ?? (request.IsLong ? Long : Short));
        var survivor = stage.Relays[^1];
        var held = new List<(TimeSpan At, long KiB)>();
        var load = stage.Load();
        var strikes = 0;
        var machine = MachineTime.Now();
        for (; DateTimeOffset.UtcNow < until; strikes++)
        {
            await stage.WaitForAcceptedAsync(30, cancellation);
            await stage.ChanceAsync(TimeSpan.FromSeconds(2), cancellation);
            held.Add((DateTimeOffset.UtcNow - began, ProcessFacts.Of(survivor.ProcessId).ResidentKiB));
            await StrikeAsync(stage, cancellation);
            if (strikes % 50 == 0)
            {
                stage.Note($"{strikes} strikes, {stage.Book.Accepted} accepted, {stage.NameOf(survivor)} {ProcessFacts.Of(survivor.ProcessId)}, store {StoreFacts(stage)}");
            }
        }

        // The load is to be half of what can be done; what the kills cost (a start is seconds of a processor) is part of it.
        stage.Note($"the processors were busy for {MachineTime.Now().BusySince(machine):0 %} of the time");
        stage.Sink.Mood = SinkMood.Kind;
        await load.StopAsync();
        await stage.DrainAsync(cancellation);
        stage.Note($"{strikes} strikes; at the end {stage.NameOf(survivor)} {ProcessFacts.Of(survivor.ProcessId)}, store {StoreFacts(stage)}");
        var verdict = await stage.CheckAsync(Promise.CrashSafe, cancellation);
        if (request.IsLong && MemoryTrend.Of(held) is { } trend)
        {
            var words = $"{stage.NameOf(survivor)}, which nobody killed, held {trend}";
            return trend.Grows
                ? verdict with { Findings = [.. verdict.Findings, new Finding("I8", "memory", words)] }
                : verdict with { Notes = [.. verdict.Notes, words] };
        }

        return verdict;
    }

    private static async Task StrikeAsync(Stage stage, CancellationToken cancellation)
    {
        switch (stage.Random.Next(5))
        {
            case 0 or 1:
                await stage.KillAsync(stage.Relay);
                await stage.Relay.StartAgainAsync(cancellation);
                break;
            case 2:
                await stage.StrikeAsync(StrikeKind.StoreKilled, "store", async () =>
                {
                    await stage.Store!.KillAsync();
                    await stage.ChanceAsync(TimeSpan.FromSeconds(3), cancellation);
                    await stage.Store.StartAgainAsync(cancellation);
                });
                break;
            case 3:
                stage.Sink.Mood = stage.Random.Next(3) switch
                {
                    0 => new SinkMood { Dot = _ => SinkAct.Defer("451 4.3.0 try again") },
                    1 => new SinkMood { Greeting = () => "421 4.3.2 too busy" },
                    _ => new SinkMood { Dot = _ => Random.Shared.Next(8) == 0 ? SinkAct.AcceptUnheard : SinkAct.Accept },
                };
                break;
            default:
                stage.Sink.Mood = SinkMood.Kind;
                break;
        }
    }

    private static ProcessFacts StoreFacts(Stage stage) => stage.Store is RedisStore { Server: { IsRunning: true } server } ? ProcessFacts.Of(server.ProcessId) : default;
}
