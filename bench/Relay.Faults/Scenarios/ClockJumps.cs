using Relay.Faults.Checking;
using Relay.Faults.Clients;
using Relay.Faults.Ledgers;
using Relay.Faults.Sink;
using Relay.Faults.Stages;
using Relay.TestKit;

namespace Relay.Faults.Scenarios;

/// <summary>F14, from end to end: the relay's clock is an hour behind, an hour ahead, five days ahead, by libfaketime. The machine's own is never set.</summary>
internal sealed class ClockJumps : Scenario
{
    private static readonly SinkMood Closed = new() { Recipient = _ => "450 4.2.1 come back later" };
    private const int Mails = 20;
    private static readonly TimeSpan Watched = TimeSpan.FromSeconds(4);
    private static readonly string[] Libraries = ["/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1", "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1"];

    public override string Id => "F14";

    public override string Fault => "the relay's clock -1 h, +1 h, +5 d";

    public override string Expectation => "no early expiry at an hour, no stampede of retries; after five days it is expired and told so";

    public override IReadOnlyList<Stores.StoreKind> Stores => [Relay.Faults.Stores.StoreKind.Redis];

    public override (int Short, int Long) Rounds => (1, 5);

    public override async Task<Verdict> PlayAsync(RunRequest request, CancellationToken cancellation)
    {
        RealParts.Require("faketime");
        var library = Array.Find(Libraries, File.Exists) ?? throw new IOException($"libfaketime is in none of {string.Join(", ", Libraries)}");
        await using var stage = await Stage.StartAsync(Id, request, cancellation);
        var wrong = new List<Finding>();
        for (var round = 0; round < request.Rounds; round++)
        {
            foreach (var shift in (string[])["-1h", "+1h", "+5d"])
            {
                wrong.AddRange(await ShiftAsync(stage, library, shift, cancellation));
            }
        }

        await stage.DrainAsync(cancellation);
        var verdict = await stage.CheckAsync(Promise.CrashSafe, cancellation);
        return verdict with { Findings = [.. verdict.Findings, .. wrong] };
    }

    // Only the wall clock: with a monotonic clock of its own, or libfaketime's fix for it, .NET's waits end at once.
    private static Dictionary<string, string> Variables(string library, string shift) => new()
    {
        ["LD_PRELOAD"] = library,
        ["FAKETIME"] = shift,
        ["FAKETIME_DONT_FAKE_MONOTONIC"] = "1",
        ["FAKETIME_FORCE_MONOTONIC_FIX"] = "0",
    };

    private static async Task<IReadOnlyList<Finding>> ShiftAsync(Stage stage, string library, string shift, CancellationToken cancellation)
    {
        // Mail that waits when the clock jumps.
        stage.Sink.Mood = Closed;
        var before = stage.Load(new LoadPlan { Messages = Mails, LargeShare = 0, HttpShare = 1 });
        await before.Done;
        var waiting = stage.Book.Close().Submissions.TakeLast(Mails).Sum(s => s.Recipients.Count);

        await stage.Relay.StopAsync(cancellation);
        foreach (var (name, value) in Variables(library, shift))
        {
            stage.Relay.Variables[name] = value;
        }

        await stage.Relay.StartAgainAsync(cancellation);
        var seen = stage.Book.Arrivals;
        var asked = stage.Sink.Asked;
        await Task.Delay(Watched, cancellation);
        var attempts = stage.Sink.Asked - asked;

        // Mail that comes while it is wrong.
        stage.Sink.Mood = SinkMood.Kind;
        var during = stage.Load(new LoadPlan { Messages = 20, LargeShare = 0 });
        await during.Done;
        if (shift[0] == '+')
        {
            // All is due. What were put off now would be due in an hour when the clock is right again.
            await stage.DrainAsync(cancellation);
        }

        await stage.Relay.StopAsync(cancellation);
        foreach (var name in Variables(library, shift).Keys)
        {
            stage.Relay.Variables.Remove(name);
        }

        await stage.Relay.StartAgainAsync(cancellation);
        await stage.DrainAsync(cancellation);
        stage.Note($"clock {shift}: {attempts} attempts in {Watched.TotalSeconds:0} s for {waiting} recipients that had been waiting, {stage.Book.Arrivals - seen} arrivals");

        // At once, and again after delays of one, two and four seconds: more than that is a stampede.
        return attempts > waiting * 4 ? [new Finding("F14", shift, $"{attempts} attempts in {Watched.TotalSeconds:0} s for {waiting} recipients: retries run wild")] : [];
    }
}
