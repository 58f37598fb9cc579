using System.Net.Sockets;
using Relay.Faults.Checking;
using Relay.Faults.Clients;
using Relay.Faults.Stages;

namespace Relay.Faults.Scenarios;

/// <summary>F19. Thousands of connections that say nothing beside many that send, large mail among it.</summary>
internal sealed class ManyClients : Scenario
{
    public override string Id => "F19";

    public override string Fault => "thousands of idle clients, hundreds that send, large bodies in flight";

    public override string Expectation => "the idle cost little, the others are served; whoever is too many is told 421";

    public override (int Short, int Long) Rounds => (1, 1);

    public override async Task<Verdict> PlayAsync(RunRequest request, CancellationToken cancellation)
    {
        var (idle, active) = request.IsLong ? (5_000, 200) : (1_000, 40);
        await using var stage = await Stage.StartAsync(Id, request, cancellation, new StageSetup
        {
            // All come from one address here.
            Settings = (relay, _) => relay.With("Submission:MaxConnectionsPerAddress", idle + active + 50),
        });
        var before = ProcessFacts.Of(stage.Relay.ProcessId);
        var sockets = new List<TcpClient>();
        try
        {
            for (var i = 0; i < idle; i++)
            {
                var socket = new TcpClient();
                sockets.Add(socket);
                await socket.ConnectAsync("127.0.0.1", stage.Relay.PlainPort, cancellation);
            }

            var standing = ProcessFacts.Of(stage.Relay.ProcessId);
            stage.Note($"{before} at the start; {standing} with {idle} idle connections");
            var load = stage.Load(new LoadPlan
            {
                Sessions = active,
                Pause = TimeSpan.FromMilliseconds(request.IsLong ? 50 : 100),
                LargeShare = 0.1,
                Messages = active * (request.IsLong ? 50 : 6),
                Timeout = TimeSpan.FromSeconds(60),
            });
            await load.Done;
            stage.Note($"{ProcessFacts.Of(stage.Relay.ProcessId)} with {active} that sent beside them");
        }
        finally
        {
            sockets.ForEach(s => s.Dispose());
        }

        await stage.DrainAsync(cancellation);
        stage.Note($"{ProcessFacts.Of(stage.Relay.ProcessId)} when all were gone");
        var verdict = await stage.CheckAsync(Promise.CrashSafe, cancellation);
        return verdict with { Findings = [.. verdict.Findings, .. Invariants.NobodyWaitsInVain(stage.Book.Close())] };
    }
}
