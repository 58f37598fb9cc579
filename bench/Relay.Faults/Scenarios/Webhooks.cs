using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using Relay.Faults.Checking;
using Relay.Faults.Clients;
using Relay.Faults.Ledgers;
using Relay.Faults.Sink;
using Relay.Faults.Stages;
using Relay.Mail.Crashing;
using Relay.TestKit.Dns;
using Relay.TestKit.Relays;

namespace Relay.Faults.Scenarios;

/// <summary>
/// F16, as far as there are webhooks: those that mail of the world is routed to. The program behind one is dead, fails, hangs and
/// swallows its answers while mail for it goes on coming, then it is back; at last the relay dies when it has just been answered.
/// </summary>
internal sealed class Webhooks : Scenario
{
    private const string Desk = "desk.test";
    private const string Host = "hook.test";

    // In place of the half minute that a program has, and is left alone for.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Away = TimeSpan.FromSeconds(2);

    // Posts that have to meet with each kind of trouble, and how long they are waited for.
    private const int Met = 2;
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(20);

    // Of an account's routes, a process and a minute; every large mail has more octets than the lesser number.
    private const int MostOctets = 4 * 1024 * 1024;
    private const int LargeOctets = 300_000;

    // Far above what it takes, far below what waiting for the program would.
    private static readonly TimeSpan Prompt = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan Dying = TimeSpan.FromSeconds(30);

    public override string Id => "F16";

    public override string Fault => "webhook of an inbound route dead, 500, slow, answers swallowed, then back; relay killed after a post";

    public override string Expectation => "other mail unaffected; posted at least once with one id, doubles admitted; what comes is bounded. Not covered: webhooks for events, which are not built";

    public override (int Short, int Long) Rounds => (1, 20);

    public override async Task<Verdict> PlayAsync(RunRequest request, CancellationToken cancellation)
    {
        var (inbound, hook) = (FreePorts.Next(), FreePorts.Next());
        await using var dns = ScriptedDns.Start();
        dns.A(Host, "127.0.0.1");
        await using var stage = await Stage.StartAsync(Id, request, cancellation, new StageSetup
        {
            Settings = (relay, _) => relay
                .With("Delivery:Dns:Servers", new JsonArray(dns.Server))
                .With("Delivery:AllowPrivateDestinations", true)
                .With("Delivery:Timeouts:Webhook", Patience.ToString())
                .With("Inbound:Enabled", true)
                .With("Inbound:Port", inbound)
                .With("Inbound:MaxRoutedBytesPerMinute", MostOctets),
        });
        await using var program = new HookSink(stage.Book, Desk, hook, await RouteAsync(stage, hook, cancellation)) { Slowness = Patience * 1.5 };
        var ofTheWorld = new LoadPlan { InboundPort = inbound, Domains = [Desk], Sessions = 2, Pause = TimeSpan.FromMilliseconds(100), KeyShare = 0, LargeShare = 0.05 };

        program.Open();
        var wrong = new List<Finding>();
        for (var round = 0; round < request.Rounds; round++)
        {
            var (elsewhere, here) = (stage.Load(), stage.Load(ofTheWorld));
            await GoThroughAsync(program, stage.Random, cancellation);
            await here.StopAsync();
            await elsewhere.StopAsync();
            await stage.DrainAsync(cancellation);
            wrong.AddRange(await DieAsync(stage, ofTheWorld, cancellation));
        }

        wrong.AddRange(await FloodAsync(stage, program, ofTheWorld, cancellation));
        await stage.DrainAsync(cancellation);
        stage.Note($"{program.Posts} posts, {program.Refused} of them not answered with yes");
        wrong.AddRange(Promptness.Look(stage, Id, stage.Sink.Name, Prompt));
        var verdict = await stage.CheckAsync(Promise.CrashSafe, cancellation);
        return verdict with { Findings = [.. verdict.Findings, .. wrong, .. program.Wrong, .. NothingHappened(program, verdict)] };
    }

    /// <summary>Makes the route, and gives the secret that its posts are signed with.</summary>
    private static async Task<byte[]> RouteAsync(Stage stage, int hook, CancellationToken cancellation)
    {
        // In clear text only the admin key may have it, for an account that it names.
        using var asked = new HttpRequestMessage(HttpMethod.Post, "/routes") { Content = JsonContent.Create(new { match = Desk, webhook = $"http://{Host}:{hook}/mail" }) };
        asked.Headers.Add("Relay-Account", stage.Tenants[0].Account);
        using var answer = await stage.Relay.Http.SendAsync(asked, cancellation);
        var body = await answer.Content.ReadAsStringAsync(cancellation);
        return answer.IsSuccessStatusCode
            ? Convert.FromBase64String(JsonElement.Parse(body).GetProperty("secret").GetString()!["whsec_".Length..])
            : throw new InvalidOperationException($"no route: {body}");
    }

    private static async Task GoThroughAsync(HookSink program, Random random, CancellationToken cancellation)
    {
        await MeetAsync(program, () => program.Posts, HookAct.Take, cancellation);
        await program.CloseAsync();
        await Task.Delay(Away, cancellation);
        program.Open();
        await MeetAsync(program, () => program.Refused, HookAct.Fail, cancellation);
        await MeetAsync(program, () => program.Refused, HookAct.TakeLate, cancellation);
        await MeetAsync(program, () => program.Refused, () => Swallowing(random), cancellation);
        program.Mood = () => HookAct.Take;
    }

    private static Task MeetAsync(HookSink program, Func<int> count, HookAct act, CancellationToken cancellation) => MeetAsync(program, count, () => act, cancellation);

    private static async Task MeetAsync(HookSink program, Func<int> count, Func<HookAct> mood, CancellationToken cancellation)
    {
        program.Mood = mood;
        var goal = count() + Met;
        for (var until = DateTimeOffset.UtcNow + Longest; count() < goal && DateTimeOffset.UtcNow < until;)
        {
            await Task.Delay(20, cancellation);
        }
    }

    private static HookAct Swallowing(Random random)
    {
        // Posts come at the same time, and a source of chance has no lock of its own.
        lock (random)
        {
            return random.Next(3) == 0 ? HookAct.TakeUnheard : HookAct.Take;
        }
    }

    // The program has the mail and said so, and nobody has written that down.
    private static async Task<IReadOnlyList<Finding>> DieAsync(Stage stage, LoadPlan plan, CancellationToken cancellation)
    {
        stage.Relay.Variables[CrashPoints.Variable] = $"webhook-sent:{stage.Random.Next(1, 6)}";
        await stage.Relay.StopAsync(cancellation);
        await stage.Relay.StartAgainAsync(cancellation);
        stage.Relay.Variables.Remove(CrashPoints.Variable);
        var load = stage.Load(plan);
        var until = DateTimeOffset.UtcNow + Dying;
        while (stage.Relay.IsRunning && DateTimeOffset.UtcNow < until)
        {
            await Task.Delay(20, cancellation);
        }

        var now = DateTimeOffset.UtcNow;
        var died = !stage.Relay.IsRunning;
        if (died)
        {
            stage.Book.Add(new Strike(StrikeKind.RelayKilled, "webhook-sent", now, now, Connections: 1));
            await stage.Relay.StartAgainAsync(cancellation);
        }

        await load.StopAsync();
        await stage.DrainAsync(cancellation);
        return died ? [] : [new Finding("F16", "webhook-sent", $"not reached within {Dying.TotalSeconds:0} s of mail")];
    }

    /// <summary>Strangers fill no store: beyond a minute's measure their mail is refused for now, while the program takes none.</summary>
    private static async Task<IReadOnlyList<Finding>> FloodAsync(Stage stage, HookSink program, LoadPlan plan, CancellationToken cancellation)
    {
        await program.CloseAsync();
        var from = DateTimeOffset.UtcNow;
        var before = stage.Book.Close().Submissions.Length;
        await stage.Load(plan with { LargeShare = 1, Messages = 40, Pause = TimeSpan.FromMilliseconds(10) }).Done;
        var taken = stage.Book.Close().Submissions.Skip(before).Count(s => s.Outcome == SubmissionOutcome.Ok);
        var allowed = (((DateTimeOffset.UtcNow - from).TotalMinutes + 1) * MostOctets / LargeOctets) + 1;
        program.Open();
        stage.Note($"{taken} of 40 large mails were taken for a program that was away");
        return taken <= allowed ? [] : [new Finding("F16", Desk, $"{taken} large mails were taken, and {allowed:0} may be")];
    }

    private static IEnumerable<Finding> NothingHappened(HookSink program, Verdict verdict) =>
        program.Refused > 0 && verdict.Doubled > 0 ? [] : [new Finding("F16", Desk, "it misbehaved, and nobody noticed")];
}
