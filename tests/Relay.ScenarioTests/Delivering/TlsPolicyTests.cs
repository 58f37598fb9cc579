using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Relay.ScenarioTests.Harness;
using Relay.TestKit;
using Relay.TestKit.Dns;
using Relay.TestKit.Remote;

namespace Relay.ScenarioTests.Delivering;

/// <summary>What domains publish about their hosts, with a DNS that signs and validates, HTTPS and Postfix as they are.</summary>
public sealed class TlsPolicyTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Dane_decides_by_records_that_the_resolver_has_validated()
    {
        using var authority = TestAuthority.Create();
        var shown = authority.For("mx.good.test");
        await using var postfix = await PostfixServer.StartAsync(Cancellation, new ServerCertificate(shown), "good.test", "wrong.test", "plain.test", "bogus.test");
        string Zone(string association) => $"@ MX 10 mx\nmx A 127.0.0.1\n_{postfix.Port}._tcp.mx TLSA 3 1 1 {association}";
        var right = Convert.ToHexString(SHA256.HashData(shown.PublicKey.ExportSubjectPublicKeyInfo()));
        var wrong = new string('0', 64);
        await using var zones = await SignedZones.StartAsync(
            new Dictionary<string, string> { ["good.test"] = Zone(right), ["wrong.test"] = Zone(wrong) },
            new Dictionary<string, string> { ["bogus.test"] = Zone(right) },
            new Dictionary<string, string> { ["plain.test"] = Zone(wrong) },
            Cancellation);
        await using var relay = await RelayUnderTest.StartAsync(Cancellation, SetupOf(zones.Server, postfix.Port).With("Delivery:Dns:Trusted", true));

        var good = await OutcomeAsync(relay, "ada@good.test", "delivered");
        var forged = await OutcomeAsync(relay, "ada@wrong.test", "deferred");
        var plain = await OutcomeAsync(relay, "ada@plain.test", "delivered");
        var bogus = await OutcomeAsync(relay, "ada@bogus.test", "deferred");

        Assert.Equal(("dane", "dane 3 1 1"), (Text(good.Event, "tlsPolicy"), Text(good.Event, "tlsProof")));
        Assert.Equal(("dane", "connection.unproved"), (Text(forged.Event, "tlsPolicy"), Text(forged.Event, "rule")));
        Assert.Equal((null, null), (Text(plain.Event, "tlsPolicy"), Text(plain.Event, "tlsProof")));
        Assert.Equal("route.dns-failure", Text(bogus.Event, "rule"));
        Assert.Equal(2, (await postfix.WaitForMailAsync("ada", 2, Cancellation)).Count);

        var looked = (await relay.CommandAsync(Cancellation, null, "doctor", "--destination", "good.test")).Succeeded().Output;
        Assert.Contains($"dane: TLS with a certificate that fits one of 3 1 1 {right.ToLowerInvariant()}", looked, StringComparison.Ordinal);
        Assert.Equal(1, (await relay.CommandAsync(Cancellation, null, "doctor", "--destination", "bogus.test")).ExitCode);

        var transcript = (await relay.CommandAsync(Cancellation, null, "message", "transcripts", forged.Id)).Succeeded().Output;
        Assert.Contains("> STARTTLS", transcript, StringComparison.Ordinal);
        Assert.Contains("no TLSA record fits the certificate", transcript, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_MTA_STS_policy_is_fetched_over_HTTPS_and_enforced_and_outlives_a_restart()
    {
        RealParts.RequireRoot();
        using var authority = TestAuthority.Create();
        using var folder = new TemporaryFolder();
        await using var postfix = await PostfixServer.StartAsync(Cancellation, new ServerCertificate(authority.For("mx.good.test")), "good.test", "wrong.test");

        // Policies are on port 443 and nowhere else.
        await using var good = PolicyServer.Start(authority.For("mta-sts.good.test"), "127.0.44.1", 443).Serve("enforce", TimeSpan.FromDays(7), "mx.good.test");
        await using var wrong = PolicyServer.Start(authority.For("mta-sts.wrong.test"), "127.0.44.2", 443).Serve("enforce", TimeSpan.FromDays(7), "*.wrong.test");
        await using var dns = ScriptedDns.Start()
            .Mx("good.test", (10, "mx.good.test")).A("mx.good.test", "127.0.0.1").Txt("_mta-sts.good.test", "v=STSv1; id=1;").A("mta-sts.good.test", "127.0.44.1")
            .Mx("wrong.test", (10, "mx.wrong.test")).A("mx.wrong.test", "127.0.0.1").Txt("_mta-sts.wrong.test", "v=STSv1; id=1;").A("mta-sts.wrong.test", "127.0.44.2");
        await using var relay = await RelayUnderTest.StartAsync(Cancellation, ServerCertificate.Trust(SetupOf(dns.Server, postfix.Port), authority, folder.Path));

        var proved = await OutcomeAsync(relay, "ada@good.test", "delivered");
        var unproved = await OutcomeAsync(relay, "ada@wrong.test", "deferred");
        await relay.StopAsync(Cancellation);
        good.Answer = null;
        await relay.StartAgainAsync(Cancellation);
        var again = await OutcomeAsync(relay, "bob@good.test", "delivered");

        Assert.Equal(("mta-sts enforce", "certificate"), (Text(proved.Event, "tlsPolicy"), Text(proved.Event, "tlsProof")));
        Assert.Equal(("mta-sts enforce", "connection.unproved"), (Text(unproved.Event, "tlsPolicy"), Text(unproved.Event, "rule")));
        Assert.Equal("mta-sts enforce", Text(again.Event, "tlsPolicy"));
        Assert.Single(good.Requests);
    }

    private static RelaySetup SetupOf(string dns, int port) => new RelaySetup()
        .With("Delivery:Dns:Servers", new JsonArray(dns))
        .With("Delivery:Port", port)
        .With("Delivery:AllowPrivateDestinations", true);

    private static async Task<(string Id, JsonElement Event)> OutcomeAsync(RelayUnderTest relay, string recipient, string status)
    {
        var sent = await relay.SendAsync(new { from = "shop@sender.test", to = recipient, subject = "Hi", text = "Hi" }, Cancellation);
        var id = sent.GetProperty("id").GetString()!;
        var message = await relay.WaitForAsync($"/messages/{id}", m => m.GetProperty("timeline").EnumerateArray().Any(e => Text(e, "type") == status), Cancellation);
        return (id, message.GetProperty("timeline").EnumerateArray().First(e => Text(e, "type") == status));
    }

    private static string? Text(JsonElement element, string name) => element.TryGetProperty(name, out var value) ? value.GetString() : null;
}
