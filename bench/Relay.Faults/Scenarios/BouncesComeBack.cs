using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using Relay.Faults.Checking;
using Relay.Faults.Clients;
using Relay.Faults.Ledgers;
using Relay.Faults.Stages;
using Relay.TestKit;
using Relay.TestKit.Dns;
using Relay.TestKit.Relays;
using Relay.TestKit.Remote;

namespace Relay.Faults.Scenarios;

/// <summary>
/// F26. What the world took comes back as bounces and complaints, several at a time, while the relay and the store are killed
/// and start again. A host that is not answered comes again; some try once, and nobody knows what became of that.
/// </summary>
internal sealed class BouncesComeBack : Scenario
{
    private const int MailsARound = 40;
    private const int HostsAtOnce = 6;

    // For events to be seen and to suppress, on a machine that others use too.
    private static readonly TimeSpan Telling = TimeSpan.FromSeconds(60);

    public override string Id => "F26";

    public override string Fault => "kill -9 of the relay and of the store while bounces and complaints come back";

    public override string Expectation => "each that got its 250 is told once and suppresses its address; none is told twice, none refused for good";

    public override (int Short, int Long) Rounds => (2, 40);

    public override async Task<Verdict> PlayAsync(RunRequest request, CancellationToken cancellation)
    {
        var inbound = FreePorts.Next();
        await using var dns = ScriptedDns.Start();
        await using var world = ScriptedSmtpServer.Start();
        await using var stage = await Stage.StartAsync(Id, request, cancellation, new StageSetup
        {
            HasDefaultRoute = false,
            Settings = (relay, _) => relay.WithRoute(world.Port)
                .With("Delivery:Dns:Servers", new JsonArray(dns.Server))
                .With("Inbound:Enabled", true)
                .With("Inbound:Port", inbound),
        });
        await VerifyAsync(stage, dns, cancellation);

        var all = new List<Returned>();
        for (var round = 0; round < request.Rounds; round++)
        {
            var sent = await SendAsync(stage, world, round, cancellation);
            all.AddRange(sent);
            await ReturnAsync(stage, sent, new ReturningHost(inbound), round, cancellation);
        }

        await stage.DrainAsync(cancellation);
        var told = await ReadAsync(stage, all, cancellation);
        var verdict = await stage.CheckAsync(Promise.CrashSafe, cancellation);
        var lost = told.Where(t => t.Mail.Answer?.IsTaken == true && t.Events == 0).ToList();
        return verdict with
        {
            Accepted = all.Count(mail => mail.Answer?.IsTaken == true),
            Unanswered = all.Count(mail => mail.Answer?.IsTaken is null),
            Delivered = all.Count,
            Bounced = told.Sum(t => t.Events),
            Lost = lost.Count,
            Findings = [.. verdict.Findings, .. told.SelectMany(Wrong)],
            Notes = [.. verdict.Notes, $"{all.Count(mail => mail.Answer?.Tries > 1)} of {all.Count} came more than once"],
        };
    }

    private static IEnumerable<Finding> Wrong(Fate told)
    {
        var (mail, about) = (told.Mail, $"{told.Mail.Id} {told.Mail.Recipient}");
        switch (mail.Answer)
        {
            case { IsTaken: false, Reply: var reply }:
                yield return new Finding("F26", about, $"what came back was refused for good: '{reply}'");
                break;
            case { IsTaken: null, Tries: > 1, Reply: var reply }:
                yield return new Finding("F26", about, $"what came back was never taken: '{reply}'");
                break;
            case { IsTaken: true } when told.Events == 0:
                yield return new Finding("F26", about, $"lost: its {mail.Kind} got its 250, and there is no event");
                break;
        }

        if (told.Events > 1)
        {
            yield return new Finding("F26", about, $"{mail.Kind} {told.Events} times");
        }

        if (told.Events > 0 && !told.IsSuppressed)
        {
            yield return new Finding("F26", about, $"{mail.Kind}, and not suppressed");
        }
    }

    /// <summary>Lets each account send; the world takes all of it, and with it the address that bounces go to.</summary>
    private static async Task<List<Returned>> SendAsync(Stage stage, ScriptedSmtpServer world, int round, CancellationToken cancellation)
    {
        var before = world.Messages.Count;
        var sent = new Dictionary<string, Returned>();
        for (var number = 0; number < MailsARound; number++)
        {
            var tenant = stage.Tenants[number % stage.Tenants.Count];
            var recipient = $"r{round}n{number}@gone.test";
            sent[recipient] = new Returned(tenant, await SendAsync(stage, tenant, recipient, cancellation), recipient, number % 3 == 0 ? "complained" : "bounced");
        }

        var arrived = (await world.WaitForMessagesAsync(before + MailsARound, cancellation)).Skip(before);
        foreach (var mail in arrived)
        {
            var known = sent[AddressIn(mail.RcptTo[0])];
            known.ReturnPath = AddressIn(mail.MailFrom);
            if (!known.ReturnPath.EndsWith($"@bounce.{LedgerMail.SenderDomain}", StringComparison.Ordinal))
            {
                throw new InvalidOperationException($"{known.Id} was sent as {known.ReturnPath}: no bounce of it would come to us");
            }
        }

        return [.. sent.Values];
    }

    // The store was killed a moment ago: what is refused for now is sent again, as an app does it.
    private static async Task<string> SendAsync(Stage stage, Tenant tenant, string recipient, CancellationToken cancellation)
    {
        var (status, body) = (default(HttpStatusCode), "");
        await Poll.UntilAsync(
            async () =>
            {
                using var mail = new HttpRequestMessage(HttpMethod.Post, "/send")
                {
                    Content = JsonContent.Create(new { from = LedgerMail.Sender, to = recipient, subject = "Your order", text = "Thank you." }),
                };
                mail.Headers.Authorization = new("Bearer", tenant.Key);
                mail.Headers.Add("Idempotency-Key", recipient);
                using var answer = await stage.Relay.Http.SendAsync(mail, cancellation);
                (status, body) = (answer.StatusCode, await answer.Content.ReadAsStringAsync(cancellation));
                return status is not (HttpStatusCode.ServiceUnavailable or HttpStatusCode.Conflict);
            },
            cancellation,
            () => $"/send still says {status}: {body}");
        return status == HttpStatusCode.Accepted
            ? JsonElement.Parse(body).GetProperty("id").GetString()!
            : throw new InvalidOperationException($"/send says {status}: {body}");
    }

    /// <summary>Brings it all back, and kills in its midst.</summary>
    private static async Task ReturnAsync(Stage stage, List<Returned> sent, ReturningHost host, int round, CancellationToken cancellation)
    {
        var answered = 0;
        var strikeAt = stage.Random.Next(1, sent.Count / 2);
        var inTheMidst = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var oneTry = sent.Where(_ => stage.Random.Next(8) == 0).ToHashSet();
        var returning = Parallel.ForEachAsync(sent, new ParallelOptions { MaxDegreeOfParallelism = HostsAtOnce, CancellationToken = cancellation }, async (mail, token) =>
        {
            mail.Answer = await host.BringAsync(mail.ReturnPath, mail.Kind == "complained" ? Complaint(mail) : Bounce(mail.Recipient), !oneTry.Contains(mail), token);
            if (Interlocked.Increment(ref answered) == strikeAt)
            {
                inTheMidst.SetResult();
            }
        });
        await inTheMidst.Task.WaitAsync(Telling, cancellation);
        await stage.ChanceAsync(TimeSpan.FromMilliseconds(20), cancellation);
        if (round % 2 == 1 && stage.Store is { } store)
        {
            await stage.StrikeAsync(StrikeKind.StoreKilled, "store killed", async () =>
            {
                await store.KillAsync();
                await store.StartAgainAsync(cancellation);
            });
        }
        else
        {
            await stage.KillAsync(stage.Relay);
            await stage.Relay.StartAgainAsync(cancellation);
        }

        await returning;
    }

    private static async Task<List<Fate>> ReadAsync(Stage stage, List<Returned> all, CancellationToken cancellation)
    {
        var until = DateTimeOffset.UtcNow + Telling;
        while (true)
        {
            var told = new List<Fate>(all.Count);
            foreach (var mail in all)
            {
                told.Add(await ReadAsync(stage, mail, cancellation));
            }

            // What got no 250 may still have been taken: nothing is waited for of it.
            if (DateTimeOffset.UtcNow > until || told.TrueForAll(t => t.Mail.Answer?.IsTaken != true || t is { Events: > 0, IsSuppressed: true }))
            {
                return told;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(200), cancellation);
        }
    }

    private static async Task<Fate> ReadAsync(Stage stage, Returned mail, CancellationToken cancellation)
    {
        var message = await stage.Relay.GetAsync($"/messages/{mail.Id}", cancellation, mail.Tenant.Key);
        var events = message.GetProperty("timeline").EnumerateArray().Count(e => e.GetProperty("type").GetString() is "bounced" or "complained");
        using var asked = new HttpRequestMessage(HttpMethod.Get, $"/suppressions/{mail.Recipient}");
        asked.Headers.Authorization = new("Bearer", mail.Tenant.Key);
        using var answer = await stage.Relay.Http.SendAsync(asked, cancellation);
        return new Fate(mail, events, answer.IsSuccessStatusCode && JsonElement.Parse(await answer.Content.ReadAsStringAsync(cancellation)).GetProperty("status").GetString() == "suppressed");
    }

    /// <summary>Each account publishes all that it was told to and has the domain verified, so that the world is told our address.</summary>
    private static async Task VerifyAsync(Stage stage, ScriptedDns dns, CancellationToken cancellation)
    {
        dns.A("relay.test", "192.0.2.1");
        var published = new HashSet<(string, string)>();
        foreach (var tenant in stage.Tenants)
        {
            var domain = await stage.Relay.PostAsync("/domains", new { name = LedgerMail.SenderDomain }, cancellation, tenant.Key);
            foreach (var record in domain.GetProperty("records").EnumerateArray())
            {
                var (type, name, value) = (record.GetProperty("type").GetString(), record.GetProperty("name").GetString()!, record.GetProperty("value").GetString()!);
                if (published.Add((name, value)))
                {
                    _ = type switch
                    {
                        "TXT" => dns.Txt(name, value),
                        "MX" => dns.Mx(name, (10, value.Split(' ')[1])),
                        _ => dns.Cname(name, value),
                    };
                }
            }

            var verified = await stage.Relay.PostAsync($"/domains/{LedgerMail.SenderDomain}/verify", new { }, cancellation, tenant.Key);
            if (verified.GetProperty("status").GetString() != "verified")
            {
                throw new InvalidOperationException($"the domain was not verified: {verified}");
            }
        }
    }

    private static string AddressIn(string command) => command[(command.IndexOf('<') + 1)..command.IndexOf('>')];

    private static string Bounce(string recipient) => $"""
        From: Mail Delivery System <MAILER-DAEMON@mx.gone.test>
        To: {LedgerMail.Sender}
        Subject: Undelivered Mail Returned to Sender
        MIME-Version: 1.0
        Content-Type: multipart/report; report-type=delivery-status; boundary="b"

        --b
        Content-Type: text/plain

        <{recipient}>: unknown user

        --b
        Content-Type: message/delivery-status

        Reporting-MTA: dns; mx.gone.test

        Final-Recipient: rfc822; {recipient}
        Action: failed
        Status: 5.1.1
        Diagnostic-Code: smtp; 550 5.1.1 <{recipient}>: unknown user

        --b--
        """.ReplaceLineEndings("\r\n");

    private static string Complaint(Returned mail) => $"""
        From: feedback@gone.test
        To: {LedgerMail.Sender}
        Subject: A complaint
        MIME-Version: 1.0
        Content-Type: multipart/report; report-type=feedback-report; boundary="b"

        --b
        Content-Type: message/feedback-report

        Feedback-Type: abuse
        Version: 1
        Original-Mail-From: <{mail.ReturnPath}>
        Original-Rcpt-To: <{mail.Recipient}>

        --b
        Content-Type: text/rfc822-headers

        From: {LedgerMail.Sender}
        Subject: Your order

        --b--
        """.ReplaceLineEndings("\r\n");

    /// <param name="Kind">The event that it is to become.</param>
    private sealed record Returned(Tenant Tenant, string Id, string Recipient, string Kind)
    {
        public string ReturnPath { get; set; } = "";

        /// <summary>Null before it was brought back.</summary>
        public ReturnAnswer? Answer { get; set; }
    }

    private sealed record Fate(Returned Mail, int Events, bool IsSuppressed);
}
