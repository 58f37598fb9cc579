using Relay.Faults.Checking;
using Relay.Faults.Clients;
using Relay.Faults.Ledgers;
using Relay.Faults.Sink;
using Relay.Faults.Stages;
using Relay.Faults.Stores;
using Relay.TestKit.Redis;

namespace Relay.Faults.Scenarios;

/// <summary>F18. One record is unreadable, and the tail of the append-only file is torn. The rest of the mail flows.</summary>
internal sealed class StoreDamaged : Scenario
{
    private static readonly SinkMood Closed = new() { Recipient = _ => "450 4.2.1 come back later" };

    public override string Id => "F18";

    public override string Fault => "a queue record corrupted, the file's tail torn";

    public override string Expectation => "the record is kept aside, the rest is delivered; a torn tail costs nothing that was settled";

    public override IReadOnlyList<StoreKind> Stores => [StoreKind.Redis];

    public override (int Short, int Long) Rounds => (1, 10);

    public override async Task<Verdict> PlayAsync(RunRequest request, CancellationToken cancellation)
    {
        await using var stage = await Stage.StartAsync(Id, request, cancellation, new StageSetup
        {
            Settings = (relay, _) => relay.With("Queue:MissingRecordGrace", "00:00:02"),
        });
        var redis = ((RedisStore)stage.Store!).Server;
        var aside = new HashSet<string>();
        for (var round = 0; round < request.Rounds; round++)
        {
            stage.Sink.Mood = Closed;
            var load = stage.Load(new LoadPlan { Messages = 40, LargeShare = 0, KeyShare = 0 });
            await load.Done;
            await stage.Relay.StopAsync(cancellation);
            aside.Add(await CorruptAsync(redis, stage.Book.Close(), aside, cancellation));
            await stage.Relay.StartAgainAsync(cancellation);
            stage.Sink.Mood = SinkMood.Kind;
            await stage.DrainAsync(cancellation);

            // The last that was written before a quiet second is the renewal of leases.
            await Task.Delay(TimeSpan.FromSeconds(1), cancellation);
            await stage.StrikeAsync(StrikeKind.StoreKilled, "tail torn", async () =>
            {
                await redis.KillAsync();
                Tear(redis);
                await redis.StartAgainAsync(cancellation);
            });
            await AcceptAgainAsync(stage, "the file was torn", cancellation);
        }

        await stage.DrainAsync(cancellation);
        var verdict = await stage.CheckAsync(Promise.CrashSafe, cancellation);
        // What we broke ourselves is neither delivered nor gone; that it was kept is what counts.
        var kept = verdict.Findings.Count(f => f.Words.StartsWith("an entry was set aside", StringComparison.Ordinal));
        List<Finding> findings = [.. verdict.Findings.Where(f => !aside.Any(t => f.About.StartsWith(t, StringComparison.Ordinal)) && f.Invariant != "I7")];
        if (kept == 0)
        {
            findings.Add(new Finding("F18", "aside", "no entry was set aside, though a record was unreadable"));
        }

        var lost = findings.Count(f => f.Invariant == "I1");
        return verdict with { Findings = findings, Lost = lost, Measured = Promises.Measured(Promise.CrashSafe, lost) };
    }

    // The token of the mail whose record was overwritten.
    private static async Task<string> CorruptAsync(RedisServer redis, ClosedBook book, HashSet<string> done, CancellationToken cancellation)
    {
        var waiting = (await redis.AskAsync(cancellation, "KEYS", "relay:*:m:*")).Split('\n');
        var byId = book.Submissions.Where(s => s.Id is not null && !done.Contains(s.Token)).ToDictionary(s => s.Id!, s => s.Token);
        var key = Array.Find(waiting, k => byId.ContainsKey(k[(k.LastIndexOf(':') + 1)..])) ?? throw new IOException("no mail waits");
        await redis.AskAsync(cancellation, "SET", key, "this is no record");
        return byId[key[(key.LastIndexOf(':') + 1)..]];
    }

    private static void Tear(RedisServer redis)
    {
        var file = Directory.GetFiles(Path.Combine(redis.Folder, "appendonlydir"), "*.incr.aof").Order().Last();
        using var stream = File.OpenWrite(file);
        stream.SetLength(Math.Max(0, stream.Length - 7));
    }

    private static async Task AcceptAgainAsync(Stage stage, string since, CancellationToken cancellation)
    {
        var load = stage.Load();
        await stage.RecoverAsync(since, cancellation);
        await stage.WaitForAcceptedAsync(10, cancellation);
        await load.StopAsync();
    }
}
