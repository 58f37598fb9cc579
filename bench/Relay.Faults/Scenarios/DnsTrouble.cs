using System.Text.Json.Nodes;
using Relay.Faults.Checking;
using Relay.Faults.Clients;
using Relay.Faults.Ledgers;
using Relay.Faults.Stages;
using Relay.TestKit.Dns;

namespace Relay.Faults.Scenarios;

/// <summary>F13. The DNS is silent, fails, is slow, does not know a name, or leads inside: temporary trouble waits, a name that is not there bounces, inside is refused.</summary>
internal sealed class DnsTrouble : Scenario
{
    private const string Good = "good.test";
    private const string Gone = "gone.test";
    private const string Poisoned = "poisoned.test";
    private static readonly string[] Troubled = ["dropped.test", "servfail.test", "slow.test"];

    public override string Id => "F13";

    public override string Fault => "DNS silent, SERVFAIL, slow, NXDOMAIN, an MX that leads inside";

    public override string Expectation => "temporary: waits and is delivered; NXDOMAIN: one bounce; inside: never connected to";

    public override (int Short, int Long) Rounds => (1, 10);

    public override async Task<Verdict> PlayAsync(RunRequest request, CancellationToken cancellation)
    {
        var poisoned = await LeadInsideAsync(request, cancellation);
        await using var dns = ScriptedDns.Start();
        await using var stage = await Stage.StartAsync(Id, request, cancellation, new StageSetup
        {
            HasDefaultRoute = false,
            Settings = (relay, _) => relay
                .With("Delivery:Dns:Servers", new JsonArray(dns.Server))
                .With("Delivery:AllowPrivateDestinations", true),
        });

        // The port of mail exchangers is known only now that the sink has one.
        stage.Relay.Variables["Relay__Delivery__Port"] = stage.Sink.Port.ToString(System.Globalization.CultureInfo.InvariantCulture);
        await stage.Relay.StopAsync(cancellation);
        await stage.Relay.StartAgainAsync(cancellation);
        var threads = ProcessFacts.Of(stage.Relay.ProcessId).Threads;
        stage.TakeBaseline();
        Point(dns, Good);

        // Where the relay's own reports go.
        Point(dns, "sender.test");
        for (var round = 0; round < request.Rounds; round++)
        {
            dns.Drop(Troubled[0]).ServFail(Troubled[1]).NxDomain(Gone);
            Point(dns, Troubled[2]);
            dns.Delay(Troubled[2], Task.Delay(TimeSpan.FromSeconds(3), cancellation));
            var load = stage.Load(new LoadPlan { Domains = [Good, Gone, .. Troubled], Messages = 120, LargeShare = 0, MaxRecipients = 2 });
            await load.Done;
            foreach (var domain in Troubled)
            {
                dns.Remove(domain);
                Point(dns, domain);
            }

            await stage.DrainAsync(cancellation);
        }

        var now = ProcessFacts.Of(stage.Relay.ProcessId);
        stage.Note($"{threads} threads before, {now.Threads} after");
        var verdict = await stage.CheckAsync(Promise.CrashSafe, cancellation);
        return verdict with { Findings = [.. verdict.Findings, .. poisoned, .. WrongEnds(stage.Book.Close())] };
    }

    private static void Point(ScriptedDns dns, string domain) => dns.Mx(domain, (10, $"mx.{domain}")).A($"mx.{domain}", "127.0.0.1");

    // A relay of its own, which may not go inside: the sink is reached by a route, and by nothing else.
    private async Task<IReadOnlyList<Finding>> LeadInsideAsync(RunRequest request, CancellationToken cancellation)
    {
        await using var dns = ScriptedDns.Start();
        Point(dns, Poisoned);
        dns.Mx("inside.test", (10, "mx.inside.test")).A("mx.inside.test", "10.1.2.3");
        await using var stage = await Stage.StartAsync($"{Id}-inside", request, cancellation, new StageSetup
        {
            HasDefaultRoute = false,
            Settings = (relay, _) => relay.With("Delivery:Dns:Servers", new JsonArray(dns.Server)),
        });
        stage.Relay.Variables["Relay__Delivery__Port"] = stage.Sink.Port.ToString(System.Globalization.CultureInfo.InvariantCulture);
        await stage.Relay.StopAsync(cancellation);
        await stage.Relay.StartAgainAsync(cancellation);
        var load = stage.Load(new LoadPlan { Domains = [Poisoned, "inside.test"], Messages = 20, LargeShare = 0, HttpShare = 1 });
        await load.Done;
        await stage.DrainAsync(cancellation);
        var verdict = await stage.CheckAsync(Promise.CrashSafe, cancellation);
        return [.. verdict.Findings, .. stage.Book.Close().Arrivals.Where(a => a.Token is not null).Select(a => new Finding("F13", a.Token!, "an MX led inside, and the relay followed"))];
    }

    private static IEnumerable<Finding> WrongEnds(ClosedBook book) =>
        from submission in book.Submissions
        where submission.Outcome == SubmissionOutcome.Ok
        from recipient in submission.Recipients
        let ends = book.Told.Where(t => t.Token == submission.Token && t.Recipient == recipient && t.IsTerminal).Select(t => t.Type).ToList()
        let wanted = recipient.EndsWith("@" + Gone, StringComparison.Ordinal) ? "bounced" : "delivered"
        where ends is not [var end] || end != wanted
        select new Finding("F13", $"{submission.Token} {recipient}", $"ended as '{string.Join(", ", ends)}' and not as {wanted}");
}
