using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Relay.ScenarioTests.Harness;
using Relay.TestKit.Dns;
using Relay.TestKit.Remote;
using Relay.TestKit.Verifying;

namespace Relay.ScenarioTests.Delivering;

/// <summary>Signed mail to the servers that others run, over TLS that proves them: every octet arrives, and the signature holds.</summary>
public sealed class RealEndsTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("postfix")]
    [InlineData("exim")]
    [InlineData("opensmtpd")]
    public async Task Signed_mail_arrives_byte_for_byte(string kind)
    {
        using var authority = TestAuthority.Create();
        var domain = $"{kind}.test";
        var certificate = new ServerCertificate(authority.ForRsa($"mx.{domain}"));
        await using var remote = await StartAsync(kind, certificate);
        await using var dns = ScriptedDns.Start().A($"mx.{domain}", "127.0.0.1");
        using var folder = new TemporaryFolder();
        await using var relay = await RelayUnderTest.StartAsync(Cancellation, SetupOf(dns, authority, folder, new JsonObject
        {
            ["Domain"] = domain,
            ["Host"] = $"mx.{domain}",
            ["Port"] = remote.Port,
            ["Tls"] = "Required",
        }));
        var records = await SigningDomain.AddAsync(relay, dns, Cancellation);

        string[] ids;
        await using (var client = await Submitter.ConnectAsync(relay, Cancellation))
        {
            ids =
            [
                (await client.SubmitAsync("bounce@shop.test", [$"ada@{domain}"], Difficult(1), Cancellation)).Split(' ')[^1],
                (await client.SubmitAsync("bounce@shop.test", [$"bob@{domain}", $"nobody@{domain}"], Difficult(2), Cancellation)).Split(' ')[^1],
            ];
        }

        await using var verifier = await OpenDkim.CreateAsync(records);
        foreach (var (user, number) in new[] { ("ada", 1), ("bob", 2) })
        {
            var stored = Assert.Single(await remote.WaitForMailAsync(user, 1, Cancellation));
            Assert.True(stored.AsSpan().EndsWith(Unix(Difficult(number))), $"the content was changed on its way:\n{Encoding.Latin1.GetString(stored)}");
            var verdict = await verifier.VerifyAsync(Wire(stored), Cancellation);
            Assert.True(verdict.IsGood, verdict.Words);
        }

        var message = await relay.WaitForAsync($"/messages/{ids[1]}", m => m.GetProperty("recipients").EnumerateArray().All(r => r.GetProperty("status").GetString() is "delivered" or "bounced"), Cancellation);
        var events = message.GetProperty("timeline").EnumerateArray().ToLookup(e => e.GetProperty("type").GetString());
        var delivered = Assert.Single(events["delivered"]);
        Assert.Equal(("route", "certificate"), (TextOf(delivered, "tlsPolicy"), TextOf(delivered, "tlsProof")));
        Assert.StartsWith("TLS1.", TextOf(delivered, "tls"), StringComparison.Ordinal);
        Assert.Equal($"nobody@{domain}", Assert.Single(events["bounced"]).GetProperty("recipient").GetString());
    }

    [Fact]
    public async Task Signed_mail_arrives_byte_for_byte_at_another_relay()
    {
        using var authority = TestAuthority.Create();
        using var folder = new TemporaryFolder();
        new ServerCertificate(authority.For("mx.relay.test")).Write(folder.Path);
        await using var dns = ScriptedDns.Start().A("mx.relay.test", "127.0.0.1");
        await using var remote = await RelayUnderTest.StartAsync(Cancellation, new RelaySetup()
            .With("Tls:Certificate", Path.Combine(folder.Path, ServerCertificate.ChainFile)).With("Tls:Key", Path.Combine(folder.Path, ServerCertificate.KeyFile)));
        var key = await remote.CreateKeyAsync("test", Cancellation);
        await using var relay = await RelayUnderTest.StartAsync(Cancellation, SetupOf(dns, authority, folder, new JsonObject
        {
            ["Domain"] = "*",
            ["Host"] = "mx.relay.test",
            ["Port"] = remote.ImplicitTlsPort,
            ["Tls"] = "Implicit",
            ["Username"] = "anyone",
            ["Password"] = key,
        }));
        var records = await SigningDomain.AddAsync(relay, dns, Cancellation);

        await using (var client = await Submitter.ConnectAsync(relay, Cancellation))
        {
            await client.SubmitAsync("bounce@shop.test", ["ada@there.test"], Difficult(1), Cancellation);
        }

        var inbox = await remote.WaitForAsync("/inbox", i => i.GetProperty("items").GetArrayLength() == 1, Cancellation, key);
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/inbox/{inbox.GetProperty("items")[0].GetProperty("id").GetString()}/raw");
        request.Headers.Authorization = new("Bearer", key);
        using var response = await remote.Http.SendAsync(request, Cancellation);
        var arrived = await response.Content.ReadAsByteArrayAsync(Cancellation);
        Assert.True(arrived.AsSpan().EndsWith(Difficult(1)), "the content was changed on its way");
        await using var verifier = await OpenDkim.CreateAsync(records);
        var verdict = await verifier.VerifyAsync(arrived, Cancellation);
        Assert.True(verdict.IsGood, verdict.Words);
    }

    [Fact]
    public async Task A_server_that_speaks_TLS_from_the_first_octet_gets_mail_only_with_a_good_certificate()
    {
        using var authority = TestAuthority.Create();
        using var stranger = TestAuthority.Create("Somebody Else");
        await using var good = await PostfixServer.StartAsync(Cancellation, new ServerCertificate(authority.For("mx.good.test")), "good.test");
        await using var bad = await PostfixServer.StartAsync(Cancellation, new ServerCertificate(stranger.For("mx.bad.test")), "bad.test");
        await using var dns = ScriptedDns.Start().A("mx.good.test", "127.0.0.1").A("mx.bad.test", "127.0.0.1");
        using var folder = new TemporaryFolder();
        await using var relay = await RelayUnderTest.StartAsync(Cancellation, SetupOf(dns, authority, folder, ImplicitRoute("good.test", good), ImplicitRoute("bad.test", bad)));
        var records = await SigningDomain.AddAsync(relay, dns, Cancellation);

        await using var client = await Submitter.ConnectAsync(relay, Cancellation);
        await client.SubmitAsync("bounce@shop.test", ["ada@good.test"], Difficult(1), Cancellation);
        var refused = (await client.SubmitAsync("bounce@shop.test", ["ada@bad.test"], Difficult(2), Cancellation)).Split(' ')[^1];

        var stored = Assert.Single(await good.WaitForMailAsync("ada", 1, Cancellation));
        await using var verifier = await OpenDkim.CreateAsync(records);
        var verdict = await verifier.VerifyAsync(Wire(stored), Cancellation);
        Assert.True(verdict.IsGood, verdict.Words);
        var message = await relay.WaitForAsync($"/messages/{refused}", m => m.GetProperty("recipients")[0].TryGetProperty("waiting", out var w) && m.GetProperty("recipients")[0].GetProperty("status").GetString() == "deferred", Cancellation);
        var deferred = message.GetProperty("timeline").EnumerateArray().First(e => e.GetProperty("type").GetString() == "deferred");
        Assert.Equal("connection.unproved", deferred.GetProperty("rule").GetString());
        Assert.Contains("no authority that is trusted here", deferred.GetProperty("reply").GetString(), StringComparison.Ordinal);
        Assert.DoesNotContain(" from=<", bad.Log(), StringComparison.Ordinal);
    }

    private static string? TextOf(JsonElement element, string name) => element.TryGetProperty(name, out var value) ? value.GetString() : null;

    private static JsonObject ImplicitRoute(string domain, PostfixServer server) => new()
    {
        ["Domain"] = domain,
        ["Host"] = $"mx.{domain}",
        ["Port"] = server.ImplicitTlsPort,
        ["Tls"] = "Implicit",
    };

    private static RelaySetup SetupOf(ScriptedDns dns, TestAuthority authority, TemporaryFolder folder, params JsonNode[] routes) =>
        ServerCertificate.Trust(
            new RelaySetup()
                .With("Domains:Secrets", new JsonArray("a secret of the scenario that nobody else knows"))
                .With("Delivery:Dns:Servers", new JsonArray(dns.Server))
                .With("Delivery:Routes", new JsonArray(routes)),
            authority,
            folder.Path);

    private static async Task<IRemoteEnd> StartAsync(string kind, ServerCertificate certificate) => kind switch
    {
        "exim" => await EximServer.StartAsync(Cancellation, certificate),
        "opensmtpd" => await OpenSmtpdServer.StartAsync(Cancellation, certificate),
        _ => await PostfixServer.StartAsync(Cancellation, certificate),
    };

    // Dots, trailing blanks, 8-bit octets that are no UTF-8, tabs, a long line, an empty end.
    private static byte[] Difficult(int number) =>
    [
        .. Encoding.ASCII.GetBytes(
            $"From:   \"Shop\"  <shop@shop.test>\r\nTo: ada@there.test\r\nSubject: number {number}\r\n =?utf-8?q?folded_=C3=BC?=\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\n"
            + $"Message-ID: <{number}.difficult@shop.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\nX-Odd:value\r\n\r\n"),
        .. "..two dots\r\n.\r\n. \r\n\ttab and blanks  \t \r\n"u8,
        .. new byte[] { 0xE4, 0xF6, 0xFC, 0xFF, 0x80, (byte)'\r', (byte)'\n' },
        .. Encoding.ASCII.GetBytes(new string('x', 900) + "\r\n"),
        .. "From here\r\n>From there\r\n\r\n\r\n"u8,
    ];

    // A Maildir holds lines that end with LF.
    private static byte[] Unix(byte[] content) => [.. content.Where(octet => octet != '\r')];

    private static byte[] Wire(byte[] stored) => [.. stored.SelectMany(octet => octet == '\n' ? (byte[])[(byte)'\r', (byte)'\n'] : [octet])];
}
