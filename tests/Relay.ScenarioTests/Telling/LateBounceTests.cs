using System.Text;
using System.Text.Json.Nodes;
using Relay.ScenarioTests.Harness;
using Relay.TestKit.Dns;

namespace Relay.ScenarioTests.Telling;

/// <summary>A real Postfix takes our mail, finds nobody for it, and brings its bounce to our door.</summary>
public sealed class LateBounceTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_bounce_that_comes_back_ends_the_message_reaches_its_sender_and_suppresses_the_address()
    {
        var inbound = FreePorts.Next();
        await using var dns = ScriptedDns.Start();
        await using var postfix = await PostfixServer.StartBouncingAsync(inbound, Cancellation, "shop.test");
        await using var relay = await RelayUnderTest.StartAsync(
            Cancellation,
            new RelaySetup().WithRoute(postfix.Port)
                .With("Delivery:Dns:Servers", new JsonArray(dns.Server))
                .With("Inbound:Enabled", true)
                .With("Inbound:Port", inbound));
        dns.A("relay.test", "192.0.2.1");
        await SigningDomain.AddAsync(relay, dns, Cancellation);
        await using var client = await Submitter.ConnectAsync(relay, Cancellation);
        var content = Encoding.ASCII.GetBytes("From: Shop <orders@shop.test>\r\nTo: ann@gone.test\r\nSubject: Your order\r\nMessage-ID: <order-1@shop.test>\r\n\r\nThank you.\r\n");

        // As Odoo does: the envelope names the alias at which it reads bounces.
        var reply = await client.SubmitAsync("bob@shop.test", [$"ann@{PostfixServer.EmptyDomain}"], content, Cancellation);

        var message = await relay.WaitForAsync($"/messages/{reply.Split(' ')[^1]}", m => m.GetProperty("recipients")[0].GetProperty("status").GetString() == "bounced", Cancellation);
        var timeline = message.GetProperty("timeline").EnumerateArray().ToList();
        Assert.Equal(["accepted", "delivered", "bounced"], timeline.Select(e => e.GetProperty("type").GetString()));
        Assert.Contains("unknown user", timeline[2].GetProperty("reply").GetString(), StringComparison.Ordinal);
        Assert.Equal("bounce.shop.test", message.GetProperty("alignment").GetProperty("spf").GetString());

        var report = Encoding.UTF8.GetString(Assert.Single(await postfix.WaitForMailAsync("bob", 1, Cancellation)));
        Assert.StartsWith("Return-Path: <>", report, StringComparison.Ordinal);
        Assert.Contains("From: Mail Delivery System <MAILER-DAEMON@relay.test>", report.Replace("\"", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Contains("Final-Recipient: rfc822; ann@gone.test", report, StringComparison.Ordinal);
        Assert.Contains("Message-Id: <order-1@shop.test>", report, StringComparison.OrdinalIgnoreCase);

        await relay.WaitForAsync("/suppressions", s => s.GetProperty("items").EnumerateArray().Any(e => e.GetProperty("email").GetString() == "ann@gone.test"), Cancellation);
        var metrics = await relay.Http.GetStringAsync("/metrics", Cancellation);
        Assert.Matches("relay_incoming_total\\{[^}]*as=\"Bounce\"[^}]*\\} 1", metrics);
    }
}
