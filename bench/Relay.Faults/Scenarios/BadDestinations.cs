using System.Net;
using System.Net.Sockets;
using Relay.Faults.Checking;
using Relay.Faults.Clients;
using Relay.Faults.Ledgers;
using Relay.Faults.Sink;
using Relay.Faults.Stages;
using Relay.TestKit.Relays;

namespace Relay.Faults.Scenarios;

/// <summary>F11. Destinations of every bad kind beside a good one: the good one is served as if it were alone.</summary>
internal sealed class BadDestinations : Scenario
{
    private const string Good = "good.test";
    private const string Closed = "closed.test";
    private const string Silent = "silent.test";

    // Far above what it takes, far below what waiting behind one of the others would.
    private static readonly TimeSpan Prompt = TimeSpan.FromSeconds(10);

    private static readonly Dictionary<string, SinkMood> Moods = new()
    {
        [Good] = SinkMood.Kind,
        ["busy.test"] = new SinkMood { Greeting = () => "421 4.3.2 too busy" },
        ["later.test"] = new SinkMood { Recipient = _ => "450 4.2.1 come back later" },
        ["deferred.test"] = new SinkMood { Dot = _ => SinkAct.Defer("451 4.3.0 try again") },
        ["nobody.test"] = new SinkMood { Recipient = _ => "550 5.1.1 no such user" },
        ["refused.test"] = new SinkMood { Dot = _ => SinkAct.Refuse("554 5.7.1 not here") },
        ["slow.test"] = new SinkMood { ReadOctets = 200, ReadPause = TimeSpan.FromMilliseconds(50), ReplyPause = TimeSpan.FromMilliseconds(100) },
    };

    private static readonly string[] Dead = ["nobody.test", "refused.test"];

    public override string Id => "F11";

    public override string Fault => "destinations that are silent, closed, slow, or answer 421, 4yz, 5yz, beside a good one";

    public override string Expectation => "the good one is not held up; 5yz is one bounce; what recovers is served";

    public override (int Short, int Long) Rounds => (1, 10);

    public override async Task<Verdict> PlayAsync(RunRequest request, CancellationToken cancellation)
    {
        var closed = FreePorts.Next();
        using var silent = new SilentHost();
        await using var stage = await Stage.StartAsync(Id, request, cancellation, new StageSetup
        {
            Domains = Moods,
            Settings = (relay, _) => relay
                .WithRoute(closed, Closed)
                .WithRoute(silent.Port, Silent)
                .With("Delivery:Timeouts:Connect", "00:00:01")
                .With("Delivery:Retry:Expiry", "00:00:25"),
        });

        for (var round = 0; round < request.Rounds; round++)
        {
            foreach (var (domain, mood) in Moods)
            {
                stage.SinkOf(domain).Mood = mood;
            }

            var load = stage.Load(new LoadPlan { Domains = [Good, Good, .. Moods.Keys, Closed, Silent], LargeShare = 0, Messages = 250, MaxRecipients = 3 });
            await load.Done;

            // The patient are served in the end, the dead stay dead.
            foreach (var domain in Moods.Keys.Except(Dead))
            {
                stage.SinkOf(domain).Mood = SinkMood.Kind;
            }

            await stage.DrainAsync(cancellation);
        }

        var late = Promptness.Look(stage, Id, Good, Prompt);
        var verdict = await stage.CheckAsync(Promise.CrashSafe, cancellation);
        return verdict with { Findings = [.. verdict.Findings, .. late, .. Unbounced(stage.Book.Close())] };
    }

    private static IEnumerable<Finding> Unbounced(ClosedBook book) =>
        from submission in book.Submissions
        where submission.Outcome == SubmissionOutcome.Ok
        from recipient in submission.Recipients
        where Dead.Any(d => recipient.EndsWith("@" + d, StringComparison.Ordinal))
        let bounces = book.Told.Count(t => t.Token == submission.Token && t.Recipient == recipient && t.Type == "bounced")
        where bounces != 1
        select new Finding("F11", $"{submission.Token} {recipient}", $"{bounces} bounces instead of one");

    /// <summary>Listens, and never accepts: once its backlog is full a SYN has no answer.</summary>
    private sealed class SilentHost : IDisposable
    {
        private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        private readonly List<Socket> _backlog = [];

        public SilentHost()
        {
            _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            _listener.Listen(0);
            for (var i = 0; i < 2; i++)
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
                _backlog.Add(socket);
                try
                {
                    socket.Connect(_listener.LocalEndPoint!);
                }
                catch (SocketException e) when (e.SocketErrorCode is SocketError.WouldBlock or SocketError.InProgress)
                {
                    // On its way, which is all that is wanted.
                }
            }
        }

        public int Port => ((IPEndPoint)_listener.LocalEndPoint!).Port;

        public void Dispose()
        {
            _backlog.ForEach(s => s.Dispose());
            _listener.Dispose();
        }
    }
}
