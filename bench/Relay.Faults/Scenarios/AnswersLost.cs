using Relay.Faults.Checking;
using Relay.Faults.Ledgers;
using Relay.Faults.Sink;
using Relay.Faults.Stages;

namespace Relay.Faults.Scenarios;

/// <summary>F12. The remote takes the mail and the relay does not hear of it: closed, reset, or answered when nobody waits any more.</summary>
internal sealed class AnswersLost : Scenario
{
    private static readonly TimeSpan DotTimeout = TimeSpan.FromSeconds(2);

    // A retry at once would be a second copy within the second; the schedule begins with one second, less the jitter.
    private static readonly TimeSpan Soonest = TimeSpan.FromSeconds(0.5);

    public override string Id => "F12";

    public override string Fault => "connection closed or reset after the dot, 250 later than is waited for";

    public override string Expectation => "uncertain, tried again after the normal delay; every double admitted";

    public override (int Short, int Long) Rounds => (1, 20);

    public override async Task<Verdict> PlayAsync(RunRequest request, CancellationToken cancellation)
    {
        await using var stage = await Stage.StartAsync(Id, request, cancellation, new StageSetup
        {
            Signs = true,
            Settings = (relay, _) => relay.With("Delivery:Timeouts:EndOfData", DotTimeout.ToString()),
        });
        stage.Sink.Mood = new SinkMood { Dot = _ => Act(stage.Random) };
        for (var round = 0; round < request.Rounds; round++)
        {
            var load = stage.Load(new Clients.LoadPlan { Messages = 150, LargeShare = 0.02 });
            await load.Done;
        }

        stage.Sink.Mood = SinkMood.Kind;
        await stage.DrainAsync(cancellation);
        var verdict = await stage.CheckAsync(Promise.CrashSafe, cancellation);
        var book = stage.Book.Close();
        return verdict with { Findings = [.. verdict.Findings, .. TooSoon(book), .. NothingHappened(verdict)] };
    }

    private static SinkAct Act(Random random)
    {
        // Sessions ask at the same time, and a source of chance has no lock of its own.
        lock (random)
        {
            return random.Next(10) switch
            {
                0 => SinkAct.AcceptUnheard,
                1 => SinkAct.AcceptThenReset,
                2 => random.Next(4) == 0 ? SinkAct.AcceptLate(DotTimeout * 1.5) : SinkAct.Accept,
                _ => SinkAct.Accept,
            };
        }
    }

    private static IEnumerable<Finding> TooSoon(ClosedBook book) =>
        from d in Doubles.Of(book)
        where d.Again.At - d.First.At < Soonest
        select new Finding("F12", $"{d.Token} {d.Recipient}", $"tried again {(d.Again.At - d.First.At).TotalMilliseconds:0} ms after an uncertain attempt");

    private static IEnumerable<Finding> NothingHappened(Verdict verdict) =>
        verdict.Doubled > 0 ? [] : [new Finding("F12", "sink", "it hid its answers, and nothing was tried again")];
}
