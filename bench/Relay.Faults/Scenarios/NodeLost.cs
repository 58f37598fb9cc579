using Relay.Faults.Checking;
using Relay.Faults.Ledgers;
using Relay.Faults.Stages;
using Relay.Faults.Stores;
using Relay.TestKit.Relays;

namespace Relay.Faults.Scenarios;

/// <summary>F10. Of several nodes one is killed, or loses its wire to the store, and stays away until the others have done its work.</summary>
internal sealed class NodeLost : Scenario
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(4);

    // With every build two tests and more share each core, and a machine that is slow is no finding.
    private static readonly TimeSpan TakeOver = Lease + TimeSpan.FromSeconds(5);
    private static readonly TimeSpan TakeOverBesideBuilds = Lease + TimeSpan.FromSeconds(20);

    // What the others had to do besides is delivered by then.
    private static readonly TimeSpan Delivered = TakeOverBesideBuilds + TimeSpan.FromSeconds(25);

    public override string Id => "F10";

    public override string Fault => "one of several nodes killed, cut off, or its wire stalled";

    public override string Expectation => "taken over within the lease and 5 s; nothing lost; doubles admitted";

    public override IReadOnlyList<StoreKind> Stores => [StoreKind.Redis];

    public override (int Short, int Long) Rounds => (3, 60);

    public override async Task<Verdict> PlayAsync(RunRequest request, CancellationToken cancellation)
    {
        await using var stage = await Stage.StartAsync(Id, request, cancellation, new StageSetup
        {
            Relays = request.Relays,
            HasLinks = true,
            Settings = (relay, _) => relay.With("Queue:Lease", Lease.ToString()),
        });
        var wrong = new List<Finding>();
        for (var round = 0; round < request.Rounds; round++)
        {
            var lost = stage.Relays[stage.Random.Next(stage.Relays.Count)];
            var load = stage.Load();
            await stage.WaitForAcceptedAsync(30, cancellation);
            await stage.ChanceAsync(TimeSpan.FromMilliseconds(300), cancellation);
            wrong.AddRange(await LoseAsync(stage, lost, round % 3, load.StopAsync, cancellation));
        }

        await stage.DrainAsync(cancellation);
        var verdict = await stage.CheckAsync(Promise.CrashSafe, cancellation);
        return verdict with { Findings = [.. verdict.Findings, .. wrong] };
    }

    private static async Task<IReadOnlyList<Finding>> LoseAsync(Stage stage, RelayUnderTest lost, int how, Func<Task> stopLoad, CancellationToken cancellation)
    {
        switch (how)
        {
            case 0:
                await stage.KillAsync(lost);
                var found = await TakeOverAsync(stage, lost, "killed", stopLoad, cancellation);
                await lost.StartAgainAsync(cancellation);
                return found;
            default:
                var link = stage.LinkOf(lost);
                IReadOnlyList<Finding> findings = [];
                await stage.StrikeAsync(StrikeKind.RelayCutOff, stage.NameOf(lost), async () =>
                {
                    if (how == 1)
                    {
                        link.Cut();
                    }
                    else
                    {
                        link.Stall();
                    }

                    findings = await TakeOverAsync(stage, lost, how == 1 ? "cut off" : "stalled", stopLoad, cancellation);
                    link.Mend();
                });
                return findings;
        }
    }

    // What the others hold of the lost node's mail goes out as soon as they have its partitions.
    private static async Task<IReadOnlyList<Finding>> TakeOverAsync(Stage stage, RelayUnderTest lost, string how, Func<Task> stopLoad, CancellationToken cancellation)
    {
        var from = DateTimeOffset.UtcNow;
        RelayUnderTest[] others = [.. stage.Relays.Where(r => r != lost)];
        var stopped = stopLoad();
        var taken = await TakenAsync(others, cancellation) - from;
        await stopped;
        if (taken > (stage.Request.IsLong ? TakeOver : TakeOverBesideBuilds))
        {
            return [new Finding("F10", stage.NameOf(lost), $"{how}: what it owned was others' only {taken.TotalSeconds:0.0} s later")];
        }

        var load = stage.Load(relays: others);
        await stage.WaitForAcceptedAsync(20, cancellation);
        await load.StopAsync();
        while (await stage.DepthAsync(cancellation, others) != 0)
        {
            if (DateTimeOffset.UtcNow - from > Delivered)
            {
                return [new Finding("F10", stage.NameOf(lost), $"{how}: its mail still waits {(DateTimeOffset.UtcNow - from).TotalSeconds:0} s later")];
            }

            await Task.Delay(50, cancellation);
        }

        stage.Note($"{how}: what it owned was others' {taken.TotalSeconds:0.0} s later, and its mail delivered {(DateTimeOffset.UtcNow - from).TotalSeconds:0.0} s");
        return [];
    }

    // When each partition has an owner among them.
    private static async Task<DateTimeOffset> TakenAsync(IReadOnlyList<RelayUnderTest> others, CancellationToken cancellation)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(Delivered);
        try
        {
            // A node that is lost is told of for as long as its leases live.
            await others[0].WaitForAsync(
                "/queue/nodes",
                nodes => nodes.GetProperty("unowned").GetArrayLength() == 0
                    && nodes.GetProperty("items").EnumerateArray().Count(node => node.GetProperty("partitions").GetArrayLength() > 0) == others.Count,
                deadline.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or TimeoutException && !cancellation.IsCancellationRequested)
        {
            // How late it is says the finding.
        }

        return DateTimeOffset.UtcNow;
    }
}
