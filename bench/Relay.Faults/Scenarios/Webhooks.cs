using System.Globalization;
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
/// F16. Two programs are dead, fail, hang and swallow their answers while more goes on coming for them, then they are back: one
/// that mail of the world is routed to, and one that is told of all events of the same account. At last the relay dies when one of
/// them has just answered. A third is away until far more has happened than may wait for it.
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

    // Messages whose events may wait for the webhook that is away, and those that are sent meanwhile, half of them by its account.
    private const int MostWaiting = 64;
    private const int Sent = 400;

    // Of an account's routes, a process and a minute; every large mail has more octets than the lesser number.
    private const int MostOctets = 4 * 1024 * 1024;
    private const int LargeOctets = 300_000;

    // Far above what it takes, far below what waiting for the program would.
    private static readonly TimeSpan Prompt = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan Dying = TimeSpan.FromSeconds(30);

    public override string Id => "F16";

    public override string Fault => "webhooks of an inbound route and for events dead, 500, slow, answers swallowed, then back; relay killed after a post";

    public override string Expectation => "other mail unaffected; posted at least once with one id; events in the order of each message, none missing; what waits and what comes is bounded";

    public override (int Short, int Long) Rounds => (1, 20);

    public override async Task<Verdict> PlayAsync(RunRequest request, CancellationToken cancellation)
    {
        var (inbound, hook, eventHook, fullHook) = (FreePorts.Next(), FreePorts.Next(), FreePorts.Next(), FreePorts.Next());
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
        await using var program = new RouteSink(stage.Book, Desk, hook) { Slowness = Patience * 1.5 };
        await using var events = new EventSink(eventHook) { Slowness = Patience * 1.5 };
        (_, program.Secret) = await MakeAsync(stage, "/routes", new { match = Desk, webhook = $"http://{Host}:{hook}/mail" }, cancellation);
        (var told, events.Secret) = await MakeAsync(stage, "/webhooks", new { url = $"http://{Host}:{eventHook}/events" }, cancellation);
        var ofTheWorld = new LoadPlan { InboundPort = inbound, Domains = [Desk], Sessions = 2, Pause = TimeSpan.FromMilliseconds(100), KeyShare = 0, LargeShare = 0.05 };

        program.Open();
        events.Open();
        var wrong = new List<Finding>();
        for (var round = 0; round < request.Rounds; round++)
        {
            var (elsewhere, here) = (stage.Load(new LoadPlan { Pause = TimeSpan.FromMilliseconds(100) }), stage.Load(ofTheWorld));
            await Task.WhenAll(GoThroughAsync(program, stage.Random, cancellation), GoThroughAsync(events, stage.Random, cancellation));
            await here.StopAsync();
            await elsewhere.StopAsync();
            await stage.DrainAsync(cancellation);

            // Or it would die before it is ready.
            await AwaitNoneWaitingAsync(stage, told, cancellation);
            wrong.AddRange(await DieAsync(stage, ofTheWorld, cancellation));
        }

        wrong.AddRange(await DrainAsync(stage, told, cancellation));
        var until = DateTimeOffset.UtcNow;
        wrong.AddRange(await FillAsync(stage, fullHook, cancellation));
        wrong.AddRange(await FloodAsync(stage, program, ofTheWorld, cancellation));
        await stage.DrainAsync(cancellation);
        stage.Note($"{program.Posts} mails posted, {program.Refused} of them not answered with yes; {events.Posts} events posted, {events.Refused} not answered with yes, {events.Doubles} taken twice");
        wrong.AddRange(Promptness.Look(stage, Id, stage.Sink.Name, Prompt));
        var verdict = await stage.CheckAsync(Promise.CrashSafe, cancellation);
        wrong.AddRange(events.Compare(TimelinesOf(stage, until)));
        return verdict with { Findings = [.. verdict.Findings, .. wrong, .. program.Wrong, .. events.Wrong, .. NothingHappened(program, events, verdict)] };
    }

    // Of the account whose webhook it is, and of the time in which it had that one.
    private static List<IGrouping<string, Told>> TimelinesOf(Stage stage, DateTimeOffset until)
    {
        var book = stage.Book.Close();
        var own = book.Listed.Where(listed => listed.Account == stage.Tenants[0].Account).Select(listed => listed.Id).ToHashSet();
        return [.. book.Told.Where(told => own.Contains(told.Id)).GroupBy(told => told.Id).Where(timeline => timeline.First().Time < until)];
    }

    /// <summary>Makes a route or a webhook, and gives its id and the secret that its posts are signed with.</summary>
    private static async Task<(string Id, byte[] Secret)> MakeAsync(Stage stage, string path, object wish, CancellationToken cancellation)
    {
        // In clear text only the admin key may have it, for an account that it names.
        using var asked = new HttpRequestMessage(HttpMethod.Post, path) { Content = JsonContent.Create(wish) };
        asked.Headers.Add("Relay-Account", stage.Tenants[0].Account);
        using var answer = await stage.Relay.Http.SendAsync(asked, cancellation);
        var body = await answer.Content.ReadAsStringAsync(cancellation);
        return answer.IsSuccessStatusCode
            ? (JsonElement.Parse(body).GetProperty("id").GetString()!, Convert.FromBase64String(JsonElement.Parse(body).GetProperty("secret").GetString()!["whsec_".Length..]))
            : throw new InvalidOperationException($"{path}: {body}");
    }

    private static async Task<JsonElement> StandingAsync(Stage stage, string webhook, CancellationToken cancellation) =>
        (await stage.Relay.WaitForAsync($"/webhooks/{webhook}", _ => true, cancellation, stage.Tenants[0].Key)).GetProperty("standing");

    private static async Task<JsonElement> AwaitNoneWaitingAsync(Stage stage, string webhook, CancellationToken cancellation)
    {
        var standing = await StandingAsync(stage, webhook, cancellation);
        for (var until = DateTimeOffset.UtcNow + Dying; standing.GetProperty("waiting").GetInt64() > 0 && DateTimeOffset.UtcNow < until;)
        {
            await Task.Delay(100, cancellation);
            standing = await StandingAsync(stage, webhook, cancellation);
        }

        return standing;
    }

    /// <summary>Waits until all was taken, and removes the webhook: what happens from then on is none of its.</summary>
    private static async Task<IReadOnlyList<Finding>> DrainAsync(Stage stage, string webhook, CancellationToken cancellation)
    {
        var standing = await AwaitNoneWaitingAsync(stage, webhook, cancellation);
        using var removed = new HttpRequestMessage(HttpMethod.Delete, $"/webhooks/{webhook}");
        removed.Headers.Add("Relay-Account", stage.Tenants[0].Account);
        (await stage.Relay.Http.SendAsync(removed, cancellation)).Dispose();
        return standing.GetProperty("waiting").GetInt64() == 0 && standing.GetProperty("state").GetString() == "working"
            ? []
            : [new Finding("F16", webhook, $"back for {Dying.TotalSeconds:0} s, and it stands like this: {standing}")];
    }

    /// <summary>More happens than may wait for a program that is away: the oldest give way, and when it is back it gets the others.</summary>
    private static async Task<IReadOnlyList<Finding>> FillAsync(Stage stage, int port, CancellationToken cancellation)
    {
        const string Setting = "Relay__Queue__WebhookMessages";
        stage.Relay.Variables[Setting] = MostWaiting.ToString(CultureInfo.InvariantCulture);
        await stage.Relay.StopAsync(cancellation);
        await stage.Relay.StartAgainAsync(cancellation);
        await using var program = new EventSink(port);
        (var webhook, program.Secret) = await MakeAsync(stage, "/webhooks", new { url = $"http://{Host}:{port}/events", events = new[] { "accepted" } }, cancellation);
        await stage.Load(new LoadPlan { Messages = Sent, MaxRecipients = 1, LargeShare = 0 }).Done;
        await stage.DrainAsync(cancellation);
        var standing = await StandingAsync(stage, webhook, cancellation);
        for (var until = DateTimeOffset.UtcNow + Dying; !IsBounded(standing) && DateTimeOffset.UtcNow < until;)
        {
            await Task.Delay(100, cancellation);
            standing = await StandingAsync(stage, webhook, cancellation);
        }

        program.Open();
        stage.Note($"{standing.GetProperty("waiting").GetInt64()} messages waited for a webhook that was away, {standing.GetProperty("dropped").GetInt64()} had given way");
        var wrong = await DrainAsync(stage, webhook, cancellation);
        stage.Relay.Variables.Remove(Setting);
        return [.. wrong, .. program.Wrong, .. IsBounded(standing) && program.Messages > 0 ? (Finding[])[] : [new Finding("F16", webhook, $"more waits than may, or nothing came of it: {standing}")]];

        static bool IsBounded(JsonElement standing) =>
            standing.GetProperty("waiting").GetInt64() is > 0 and <= MostWaiting && standing.GetProperty("dropped").GetInt64() > 0 && standing.GetProperty("state").GetString() == "failing";
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

    private static IEnumerable<Finding> NothingHappened(HookSink program, HookSink events, Verdict verdict) =>
        program.Refused > 0 && events.Refused > 0 && verdict.Doubled > 0 ? [] : [new Finding("F16", Desk, "it misbehaved, and nobody noticed")];
}
