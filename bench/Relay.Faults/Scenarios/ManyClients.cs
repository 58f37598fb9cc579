using System.Net.Sockets;
using Relay.Faults.Checking;
using Relay.Faults.Clients;
using Relay.Faults.Stages;

namespace Relay.Faults.Scenarios;

/// <summary>F19. Thousands of connections that say nothing beside many that send, large mail among it.</summary>
internal sealed class ManyClients : Scenario
{
    // Beyond the connections that one address may have.
    private const int TooMany = 5;

    // A gigabyte over all that send.
    private const int HeldOctets = 5 * 1024 * 1024;

    // What a relay may hold for all of them, whatever they send: a chunk in hand and one under way for each, and what the runtime keeps.
    private const long MostKiB = 1024 * 1024;

    private static readonly TimeSpan Sending = TimeSpan.FromMinutes(3);

    public override string Id => "F19";

    public override string Fault => "thousands of idle clients, hundreds that send, large bodies in flight";

    public override string Expectation => "the idle cost little, the others are served; whoever is too many is told 421; a gigabyte of bodies that do not end costs no gigabyte";

    public override (int Short, int Long) Rounds => (1, 1);

    public override async Task<Verdict> PlayAsync(RunRequest request, CancellationToken cancellation)
    {
        var (idle, active) = request.IsLong ? (5_000, 200) : (1_000, 40);
        var most = idle + active + 50;
        var wrong = new List<Finding>();
        await using var stage = await Stage.StartAsync(Id, request, cancellation, new StageSetup
        {
            // All come from one address here.
            Settings = (relay, _) => relay.With("Submission:MaxConnectionsPerAddress", most),
        });
        var before = ProcessFacts.Of(stage.Relay.ProcessId);
        var sockets = new List<TcpClient>();
        try
        {
            while (sockets.Count < idle)
            {
                await ConnectAsync(stage, sockets, cancellation);
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
            var busy = ProcessFacts.Of(stage.Relay.ProcessId);
            stage.Note($"{busy} with {active} that sent beside them");
            wrong.AddRange(TooLarge(busy, "with all that sent"));
            if (request.IsLong)
            {
                wrong.AddRange(await HoldAsync(stage, active, cancellation));
            }

            while (sockets.Count < most + TooMany)
            {
                await ConnectAsync(stage, sockets, cancellation);
            }

            if (!await HearsTooManyAsync(sockets[^1], cancellation))
            {
                wrong.Add(new Finding("F19", "connections", $"{most + TooMany} stand, {most} may, and the last was not told 421"));
            }
        }
        finally
        {
            sockets.ForEach(s => s.Dispose());
        }

        await stage.DrainAsync(cancellation);
        stage.Note($"{ProcessFacts.Of(stage.Relay.ProcessId)} when all were gone");
        var verdict = await stage.CheckAsync(Promise.CrashSafe, cancellation);
        return verdict with { Findings = [.. verdict.Findings, .. wrong, .. Invariants.NobodyWaitsInVain(stage.Book.Close())] };
    }

    private static async Task ConnectAsync(Stage stage, List<TcpClient> sockets, CancellationToken cancellation)
    {
        var socket = new TcpClient();
        sockets.Add(socket);
        await socket.ConnectAsync("127.0.0.1", stage.Relay.PlainPort, cancellation);
    }

    private static async Task<bool> HearsTooManyAsync(TcpClient socket, CancellationToken cancellation)
    {
        using var reader = new StreamReader(socket.GetStream(), leaveOpen: true);
        return (await reader.ReadLineAsync(cancellation).AsTask().WaitAsync(Sending, cancellation))?.StartsWith("421", StringComparison.Ordinal) == true;
    }

    /// <summary>All send a large content and never its end: so much is in flight at the same moment.</summary>
    private static async Task<IReadOnlyList<Finding>> HoldAsync(Stage stage, int count, CancellationToken cancellation)
    {
        var door = new RelayDoor(stage.Relay.PlainPort, new Uri($"http://127.0.0.1:{stage.Relay.HttpPort}"));
        var held = Enumerable.Range(0, count).Select(_ => new SmtpLedgerSession(door, stage.Tenants[0], Sending)).ToList();
        try
        {
            var begun = await Task.WhenAll(held.Select((session, i) => session.BeginAsync($"held{i}@one.test", HeldOctets, cancellation))).WaitAsync(Sending, cancellation);
            var facts = ProcessFacts.Of(stage.Relay.ProcessId);
            stage.Note($"{facts} with {begun.Count(b => b)} contents of {HeldOctets / 1024 / 1024} MiB in flight, {begun.Count(b => !b)} refused");
            return [.. TooLarge(facts, "with a gigabyte in flight")];
        }
        finally
        {
            held.ForEach(session => session.Dispose());
        }
    }

    private static IEnumerable<Finding> TooLarge(ProcessFacts facts, string when) =>
        facts.ResidentKiB > MostKiB ? [new Finding("F19", "memory", $"{facts} {when}, and {MostKiB / 1024} MiB may be")] : [];
}
