using Relay.Faults.Checking;
using Relay.Faults.Ledgers;
using Relay.Faults.Stages;
using Relay.Faults.Stores;
using Relay.TestKit.Redis;

namespace Relay.Faults.Scenarios;

/// <summary>F6. The store is there and answers, but refuses or holds up the work: a replica, too few replicas, paused writes, a script that never ends, a sleep.</summary>
internal sealed class StoreRefuses : Scenario
{
    private static readonly TimeSpan Outage = TimeSpan.FromSeconds(2);

    // What makes it refuse, and what mends it.
    private static readonly (string Name, string[] Break, string[] Mend)[] Refusals =
    [
        ("READONLY", ["REPLICAOF", "127.0.0.1", "1"], ["REPLICAOF", "NO", "ONE"]),
        ("NOREPLICAS", ["CONFIG", "SET", "min-replicas-to-write", "1"], ["CONFIG", "SET", "min-replicas-to-write", "0"]),
        ("CLIENT PAUSE", ["CLIENT", "PAUSE", "60000", "WRITE"], ["CLIENT", "UNPAUSE"]),
        ("BUSY", ["EVAL", "while true do end", "0"], ["SCRIPT", "KILL"]),
        ("DEBUG SLEEP", ["DEBUG", "SLEEP", "2"], []),
    ];

    public override string Id => "F6";

    public override string Fault => "store read-only, without replicas, paused, busy, asleep";

    public override string Expectation => "451 and 503, nothing refused for good, nothing lost or doubled";

    public override IReadOnlyList<StoreKind> Stores => [StoreKind.Redis];

    public override (int Short, int Long) Rounds => (1, 10);

    public override async Task<Verdict> PlayAsync(RunRequest request, CancellationToken cancellation)
    {
        await using var stage = await Stage.StartAsync(Id, request, cancellation, new StageSetup { StoreSettings = ["--lua-time-limit", "100"] });
        var redis = ((RedisStore)stage.Store!).Server;
        var load = stage.Load();
        for (var round = 0; round < request.Rounds; round++)
        {
            foreach (var (name, broken, mended) in Refusals)
            {
                await stage.WaitForAcceptedAsync(10, cancellation);
                await stage.StrikeAsync(StrikeKind.StoreAway, name, () => RefuseAsync(redis, broken, mended, cancellation));
                await stage.RecoverAsync(name, cancellation);
            }
        }

        await load.StopAsync();
        await stage.DrainAsync(cancellation);
        return await stage.CheckAsync(Promise.CrashSafe, cancellation);
    }

    private static async Task RefuseAsync(RedisServer redis, string[] broken, string[] mended, CancellationToken cancellation)
    {
        // Some of them answer only when they are over.
        var breaking = AskAsync(redis, broken, cancellation);
        await Task.Delay(Outage, cancellation);
        if (mended.Length > 0)
        {
            await AskAsync(redis, mended, cancellation);
        }

        await breaking.WaitAsync(TimeSpan.FromSeconds(30), cancellation);
    }

    private static async Task AskAsync(RedisServer redis, string[] words, CancellationToken cancellation)
    {
        try
        {
            await redis.AskAsync(cancellation, words);
        }
        catch (Exception e) when (e is IOException or InvalidOperationException)
        {
            // The killed script ends with an error, which is what was wanted.
        }
    }
}
