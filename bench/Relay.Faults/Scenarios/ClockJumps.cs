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

    private static async Task<IReadOnlyList<Finding>> ShiftAsync(Stage stage, string library, string shift, CancellationToken cancellation)
    {
        // Mail that waits when the clock jumps.
        stage.Sink.Mood = Closed;
        var before = stage.Load(new LoadPlan { Messages = 20, LargeShare = 0, HttpShare = 1 });
        await before.Done;
        var waiting = stage.Book.Accepted;

        await stage.Relay.StopAsync(cancellation);
        stage.Relay.Variables["LD_PRELOAD"] = library;
        stage.Relay.Variables["FAKETIME"] = shift;
        stage.Relay.Variables["FAKETIME_DONT_FAKE_MONOTONIC"] = "1";
        await stage.Relay.StartAgainAsync(cancellation);
        var seen = stage.Book.Arrivals;
        var sessions = stage.Sink.Sessions;
        await Task.Delay(TimeSpan.FromSeconds(4), cancellation);
        var attempts = stage.Sink.Sessions - sessions;

        // Mail that comes while it is wrong.
        stage.Sink.Mood = SinkMood.Kind;
        var during = stage.Load(new LoadPlan { Messages = 20, LargeShare = 0 });
        await during.Done;
        await stage.Relay.StopAsync(cancellation);
        foreach (var name in (string[])["LD_PRELOAD", "FAKETIME", "FAKETIME_DONT_FAKE_MONOTONIC"])
        {
            stage.Relay.Variables.Remove(name);
        }

        await stage.Relay.StartAgainAsync(cancellation);
        await stage.DrainAsync(cancellation);
        stage.Note($"clock {shift}: {attempts} connections in 4 s for {waiting} mails that had been waiting, {stage.Book.Arrivals - seen} arrivals");

        // Each waits for its delay of a second or more; a connection a mail and second is already twice that.
        return attempts > waiting * 8 ? [new Finding("F14", shift, $"{attempts} connections in 4 s: retries run wild")] : [];
    }
}
