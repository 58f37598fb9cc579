using Relay.Faults.Checking;
using Relay.Faults.Clients;
using Relay.Faults.Ledgers;
using Relay.Faults.Stages;
using Relay.Mail.Crashing;

namespace Relay.Faults.Scenarios;

/// <summary>F2. The relay dies once at each point of a message's walk. One mail is on its way at a time, so what may happen to it is known exactly.</summary>
/// <param name="between">From which point to which; all without it.</param>
internal sealed class CrashPointReached((CrashPoint First, CrashPoint Last)? between = null) : Scenario
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    // Not the first: what the death before left behind passes too, while it is delivered.
    private const int Passing = 4;

    private static readonly TimeSpan Settled = TimeSpan.FromSeconds(0.3);

    // Between the final dot and the note of its answer, or where the client is answered while a courier may be there.
    private static readonly HashSet<string> MayDouble = ["after-commit", "before-250", "after-250", "after-dot", "after-reply", "before-event"];

    // One client with two mails in a session, since a 250 is seen to be out when the next mail begins; the first is settled by then.
    private static readonly LoadPlan AFew = new()
    {
        Sessions = 1,
        Messages = 2,
        Pause = TimeSpan.FromMilliseconds(400),
        HttpShare = 0,
        KeyShare = 0,
        MaxRecipients = 1,
        LargeShare = 0.2,
    };

    public override string Id => "F2";

    public override string Fault => "kill -9 at each crash point once";

    public override string Expectation => "each point is reached; one copy, two at most, and admitted, where the remote may have it and the journal does not know";

    public override (int Short, int Long) Rounds => (1, 5);

    // Ordinary mail does not come there: F16 does.
    private static IEnumerable<(string Name, CrashPoint Point)> OfMail => CrashPoints.All.Where(p => p.Point != CrashPoint.WebhookSent);

    public override async Task<Verdict> PlayAsync(RunRequest request, CancellationToken cancellation)
    {
        await using var stage = await Stage.StartAsync(Id, request, cancellation);
        var wrong = new List<Finding>();
        for (var round = 0; round < request.Rounds; round++)
        {
            foreach (var (name, _) in OfMail.Where(p => between is null || (p.Point >= between.Value.First && p.Point <= between.Value.Last)))
            {
                wrong.AddRange(await CrashAsync(stage, name, cancellation));
            }
        }

        await stage.Relay.KillAsync();
        stage.Relay.Variables.Remove(CrashPoints.Variable);
        await stage.Relay.StartAgainAsync(cancellation);
        await stage.DrainAsync(cancellation);
        var verdict = await stage.CheckAsync(Promise.CrashSafe, cancellation);
        return verdict with { Findings = [.. verdict.Findings, .. wrong, .. TooMany(stage)] };
    }

    private static async Task<IReadOnlyList<Finding>> CrashAsync(Stage stage, string point, CancellationToken cancellation)
    {
        // What the death before left behind is delivered first, so that each has a mail of its own.
        stage.Relay.Variables[CrashPoints.Variable] = $"{point}:{Passing}";
        await stage.Relay.KillAsync();
        await stage.Relay.StartAgainAsync(cancellation);
        await stage.DrainAsync(cancellation, Settled);
        var until = DateTimeOffset.UtcNow + Patience;
        while (stage.Relay.IsRunning)
        {
            if (DateTimeOffset.UtcNow > until)
            {
                return [new Finding("F2", point, $"not reached within {Patience.TotalSeconds:0} s of mail")];
            }

            await stage.Load(AFew).Done;
            await stage.DrainAsync(cancellation, TimeSpan.Zero);
        }

        var exit = await stage.Relay.WaitForExitAsync(cancellation);
        var now = DateTimeOffset.UtcNow;
        stage.Book.Add(new Strike(StrikeKind.RelayKilled, point, now, now, Connections: 1));
        return exit == 128 + 9 ? [] : [new Finding("F2", point, $"ended with {exit} and not by SIGKILL")];
    }

    // More than one a death is found by the count of its connections.
    private static IEnumerable<Finding> TooMany(Stage stage) =>
        from d in Doubles.Of(stage.Book.Close())
        where d.Strike is { } strike && !MayDouble.Contains(strike.What)
        select new Finding("F2", $"{d.Token} {d.Recipient}", $"doubled by a death at {d.Strike!.What}, where that cannot be");
}
