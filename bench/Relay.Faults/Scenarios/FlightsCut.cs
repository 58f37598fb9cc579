using Relay.Faults.Checking;
using Relay.Faults.Clients;
using Relay.Faults.Sink;
using Relay.Faults.Stages;

namespace Relay.Faults.Scenarios;

/// <summary>
/// F25. Several messages are unanswered on each connection, envelope and content, when the relay is killed, and the remote
/// resets connections in their midst, refuses recipients and says 421 to some.
/// </summary>
internal sealed class FlightsCut : Scenario
{
    private const int MessagesInFlight = 4;

    // Long enough that mail gathers while a flight is answered.
    private static readonly TimeSpan ReplyPause = TimeSpan.FromMilliseconds(4);

    public override string Id => "F25";

    public override string Fault => "kill -9 of the relay, and resets, 421 and refusals by the remote, while several messages are in one flight";

    public override string Expectation => "nothing lost; what was in flight is uncertain or doubled at most once, each for itself";

    public override (int Short, int Long) Rounds => (2, 50);

    public override async Task<Verdict> PlayAsync(RunRequest request, CancellationToken cancellation)
    {
        await using var stage = await Stage.StartAsync(Id, request, cancellation, new StageSetup
        {
            Settings = (relay, _) => relay.With("Delivery:MessagesInFlight", MessagesInFlight).With("Delivery:ConnectionsPerSite", 2),
        });
        var kind = SinkMood.Kind with { MessagesInFlight = MessagesInFlight, ReplyPause = ReplyPause };
        stage.Sink.Mood = kind with { Dot = _ => Act(stage.Random), Recipient = _ => Answer(stage.Random) };
        var load = stage.Load(new LoadPlan { Sessions = 12, Pause = TimeSpan.FromMilliseconds(10), MaxRecipients = 2 });
        for (var round = 0; round < request.Rounds; round++)
        {
            await stage.WaitForAcceptedAsync(60, cancellation);
            await stage.ChanceAsync(TimeSpan.FromMilliseconds(300), cancellation);
            await stage.KillAsync(stage.Relay);
            await stage.Relay.StartAgainAsync(cancellation);
        }

        await stage.WaitForAcceptedAsync(60, cancellation);
        await load.StopAsync();
        stage.Sink.Mood = kind;
        await stage.DrainAsync(cancellation);
        return await stage.CheckAsync(Promise.CrashSafe, cancellation);
    }

    private static SinkAct Act(Random random) => Chance(random) switch
    {
        0 => SinkAct.AcceptThenReset,
        1 => SinkAct.AcceptUnheard,
        2 => SinkAct.Defer("452 4.3.1 Not now"),
        _ => SinkAct.Accept,
    };

    private static string? Answer(Random random) => Chance(random) switch
    {
        0 => "421 4.3.2 Going down",
        1 or 2 => "450 4.2.1 Not now",
        _ => null,
    };

    // Sessions ask at the same time, and a source of chance has no lock of its own.
    private static int Chance(Random random)
    {
        lock (random)
        {
            return random.Next(40);
        }
    }
}
