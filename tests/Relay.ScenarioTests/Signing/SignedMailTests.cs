using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Relay.ScenarioTests.Harness;
using Relay.TestKit.Dns;
using Relay.TestKit.Remote;
using Relay.TestKit.Verifying;

namespace Relay.ScenarioTests.Signing;

/// <summary>A domain from its first day to signed mail at a receiver that checks it, all parts real but the receiver and the DNS.</summary>
public sealed class SignedMailTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_attempt_sends_the_same_signed_octets_even_after_a_kill_and_OpenDkim_finds_them_good()
    {
        await using var dns = ScriptedDns.Start();
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().Once(RemoteStage.EndOfData, "451 4.3.2 come again"));
        await using var relay = await StartAsync(dns, remote.Port);
        var records = await SigningDomain.AddAsync(relay, dns, Cancellation);
        var content = Encoding.Latin1.GetBytes(
            "From: =?utf-8?q?Gr=C3=BC=C3=9Fe?= <orders@mail.shop.test>\r\nTo: ada@remote.test,\r\n\tbob@remote.test\r\nSubject: folded\r\n \t twice\r\n"
            + "List-Unsubscribe: <https://shop.test/u>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\n.dot \t and \u00fc\u00df  \r\n"
            + new string('x', 900) + "\r\n\r\n\r\n");

        await using (var client = await Submitter.ConnectAsync(relay, Cancellation))
        {
            await client.SubmitAsync("bounce@shop.test", ["ada@remote.test"], content, Cancellation);
        }

        await remote.WaitForMessagesAsync(1, Cancellation);
        await relay.KillAsync();
        await relay.StartAgainAsync(Cancellation);
        var attempts = await remote.WaitForMessagesAsync(2, Cancellation);

        Assert.Equal(attempts[0].Content, attempts[1].Content);
        Assert.True(attempts[1].Content.AsSpan().EndsWith(content), "what was submitted was changed");
        Assert.StartsWith("DKIM-Signature: v=1; a=rsa-sha256;", attempts[1].Text, StringComparison.Ordinal);
        Assert.Contains("d=shop.test;", attempts[1].Text, StringComparison.Ordinal);
        await using var verifier = await OpenDkim.CreateAsync(records);
        var verdict = await verifier.VerifyAsync(attempts[1].Content, Cancellation);
        Assert.True(verdict.IsGood, verdict.Words);
        await using var second = await DkimPy.CreateAsync(records);
        var (good, all, words) = await second.VerifyAsync(attempts[1].Content, Cancellation);
        Assert.True((good, all) == (2, 2), words);
    }

    [Fact]
    public async Task List_mail_to_several_leaves_as_a_signed_copy_for_each_and_a_click_on_its_link_is_the_last_they_hear()
    {
        await using var dns = ScriptedDns.Start();
        await using var remote = ScriptedSmtpServer.Start();
        await using var relay = await StartAsync(dns, remote.Port);
        var records = await SigningDomain.AddAsync(relay, dns, Cancellation);
        var mail = new { from = "news@shop.test", to = new[] { "ada@remote.test", "bob@remote.test" }, subject = "Grüße", text = "Grüße\n", @class = "bulk", stream = "news" };

        await relay.SendAsync(mail, Cancellation);
        var copies = await remote.WaitForMessagesAsync(2, Cancellation);

        await using var verifier = await DkimPy.CreateAsync(records);
        foreach (var copy in copies)
        {
            var (good, all, words) = await verifier.VerifyAsync(copy.Content, Cancellation);
            Assert.True((good, all) == (2, 2), words);
        }

        var ada = copies.Single(copy => copy.RcptTo.Single().Contains("ada@", StringComparison.Ordinal)).Text;
        var link = ada.Split("List-Unsubscribe: <https://relay.test")[1].Split('>')[0];
        using (var clicked = await relay.Http.PostAsync(link, new FormUrlEncodedContent([new("List-Unsubscribe", "One-Click")]), Cancellation))
        {
            Assert.Equal(System.Net.HttpStatusCode.OK, clicked.StatusCode);
        }

        await relay.SendAsync(mail, Cancellation);
        var last = (await remote.WaitForMessagesAsync(3, Cancellation))[2];
        Assert.Contains("bob@", last.RcptTo.Single(), StringComparison.Ordinal);
        Assert.Equal("unsubscribe", (await relay.GetAsync("/suppressions/ada@remote.test", Cancellation)).GetProperty("reason").GetString());
    }

    [Fact]
    public async Task What_is_sent_by_HTTP_is_signed_too_and_a_domain_without_its_records_sends_nothing()
    {
        await using var dns = ScriptedDns.Start();
        await using var remote = ScriptedSmtpServer.Start();
        await using var relay = await StartAsync(dns, remote.Port);
        var mail = new { from = "orders@shop.test", to = "ada@remote.test", subject = "Grüße", text = "Grüße\n", html = "<p>Grüße</p>" };
        await Assert.ThrowsAnyAsync<Xunit.Sdk.XunitException>(() => relay.SendAsync(mail, Cancellation));

        var records = await SigningDomain.AddAsync(relay, dns, Cancellation);
        await relay.SendAsync(mail, Cancellation);

        var arrived = Assert.Single(await remote.WaitForMessagesAsync(1, Cancellation));
        await using var verifier = await OpenDkim.CreateAsync(records);
        var verdict = await verifier.VerifyAsync(arrived.Content, Cancellation);
        Assert.True(verdict.IsGood, verdict.Words);
    }

    [Fact]
    public async Task The_doctor_shows_the_receivers_checklist_and_the_command_line_does_all_else()
    {
        await using var dns = ScriptedDns.Start();
        await using var relay = await StartAsync(dns, 9);
        await SigningDomain.AddAsync(relay, dns, Cancellation);

        var bad = await relay.CommandAsync(Cancellation, null, "doctor", "--domain", "shop.test");
        dns.A("relay.test", "192.0.2.1").Ptr("192.0.2.1", "relay.test").Mx("shop.test", (10, "mx.shop.test"));
        var good = await relay.CommandAsync(Cancellation, null, "doctor", "--domain", "shop.test");
        var listed = (await relay.CommandAsync(Cancellation, null, "domain", "list")).Succeeded();
        var rotated = (await relay.CommandAsync(Cancellation, null, "domain", "rotate", "shop.test", "--json")).Succeeded();
        var shown = (await relay.CommandAsync(Cancellation, null, "domain", "show", "shop.test")).Succeeded();
        (await relay.CommandAsync(Cancellation, null, "domain", "remove", "shop.test")).Succeeded();

        Assert.Equal(17, bad.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.Contains("6\tbad\tall\t", bad.Output, StringComparison.Ordinal);
        Assert.Equal(1, bad.ExitCode);
        Assert.Contains("6\tgood\tall\t", good.Output, StringComparison.Ordinal);
        Assert.Equal(0, good.Succeeded().ExitCode);
        Assert.StartsWith("shop.test\tverified\t", listed.Output, StringComparison.Ordinal);
        Assert.Equal(4, JsonElement.Parse(rotated.Output).GetProperty("keys").GetArrayLength());
        Assert.Contains("_domainkey.shop.test. 3600 IN TXT \"v=DKIM1; k=rsa; p=", shown.Output, StringComparison.Ordinal);
        Assert.Equal(0, (await relay.GetAsync("/domains", Cancellation)).GetProperty("items").GetArrayLength());
    }

    private static Task<RelayUnderTest> StartAsync(ScriptedDns dns, int port) => RelayUnderTest.StartAsync(
        Cancellation,
        new RelaySetup()
            .WithRoute(port)
            .With("Bootstrap:RequireVerifiedDomains", true)
            .With("Http:PublicUrl", "https://relay.test")
            .With("Domains:Secrets", new JsonArray("a secret of the scenario that nobody else knows"))
            .With("Delivery:Dns:Servers", new JsonArray(dns.Server))
            .With("Delivery:Retry:Schedule", new JsonArray("00:00:01")));
}
