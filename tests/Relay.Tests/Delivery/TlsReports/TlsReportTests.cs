using System.IO.Compression;
using System.Text;
using System.Text.Json;
using MimeKit;
using Relay.Delivery.TlsReports;
using Relay.Mail.Policies;
using Relay.TestKit.Dns;
using Relay.TestKit.Remote;
using Relay.Tests.Delivery.TlsPolicies;

namespace Relay.Tests.Delivery.TlsReports;

/// <summary>What a domain is told about yesterday's sessions (RFC 8460).</summary>
public sealed class TlsReportTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_domain_is_told_by_mail_how_sessions_went()
    {
        await using var scene = await SceneAsync("mx.remote.test", "mailto:tls%2Dreports@remote.test");
        scene.Server.Serve("enforce", StsScene.Week, "mx.remote.test");
        await scene.Delivery.SendAsync("a@remote.test");

        await SendAsync(scene);

        var sent = Assert.Single(scene.Delivery.Part<RecordedOwnMail>().Sent);
        Assert.Equal("tls-reports@remote.test", sent.Recipient.Text);
        using var letter = await MimeMessage.LoadAsync(new MemoryStream(sent.Content.ToArray()), Cancellation);
        Assert.Equal("Report Domain: remote.test Submitter: relay.test Report-ID: <2026-03-01.remote.test@relay.test>", letter.Subject);
        Assert.Equal(("remote.test", "relay.test", "No"), (letter.Headers["TLS-Report-Domain"], letter.Headers["TLS-Report-Submitter"], letter.Headers["TLS-Required"]));
        Assert.Equal(("report", "tlsrpt"), (letter.Body!.ContentType.MediaSubtype, letter.Body.ContentType.Parameters["report-type"]));

        var attached = letter.Attachments.OfType<MimePart>().Single();
        Assert.Equal("application/tlsrpt+gzip", attached.ContentType.MimeType);
        Assert.Equal("relay.test!remote.test!1772323200!1772409599.json.gz", attached.FileName);
        using var file = new MemoryStream();
        attached.Content!.DecodeTo(file, Cancellation);
        var report = ReadReport(file.ToArray());
        Assert.Equal("2026-03-01T00:00:00+00:00", report.GetProperty("date-range").GetProperty("start-datetime").GetString());
        Assert.Equal("2026-03-01T23:59:59+00:00", report.GetProperty("date-range").GetProperty("end-datetime").GetString());
        var policy = Assert.Single(report.GetProperty("policies").EnumerateArray());
        Assert.Equal("sts", policy.GetProperty("policy").GetProperty("policy-type").GetString());
        Assert.Equal("remote.test", policy.GetProperty("policy").GetProperty("policy-domain").GetString());
        Assert.Equal("version: STSv1", policy.GetProperty("policy").GetProperty("policy-string")[0].GetString());
        Assert.Equal("mx.remote.test", policy.GetProperty("policy").GetProperty("mx-host")[0].GetString());
        Assert.Equal((1, 0), CountsOf(policy));
        Assert.False(policy.TryGetProperty("failure-details", out _));
    }

    [Theory]
    [InlineData("other.test", "testing", "sts", "certificate-host-mismatch")]
    [InlineData(null, "enforce", "sts", "certificate-not-trusted")]
    [InlineData("", "testing", "sts", "starttls-not-supported")]
    [InlineData("", "none", "no-policy-found", "starttls-not-supported")]
    public async Task What_failed_is_told_with_its_kind_and_its_hosts(string? certificate, string mode, string type, string result)
    {
        await using var scene = await SceneAsync(certificate, "https://remote.test/tls");
        scene.Server.Serve(mode, StsScene.Week, "mx.remote.test");
        await scene.Delivery.SendAsync("a@remote.test");
        scene.Server.Answer = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";

        await SendAsync(scene);

        var policy = Assert.Single(PostedReport(scene).GetProperty("policies").EnumerateArray());
        Assert.Equal(type, policy.GetProperty("policy").GetProperty("policy-type").GetString());
        Assert.Equal((0, 1), CountsOf(policy));
        var failure = Assert.Single(policy.GetProperty("failure-details").EnumerateArray());
        Assert.Equal(result, failure.GetProperty("result-type").GetString());
        Assert.Equal("mx.remote.test", failure.GetProperty("receiving-mx-hostname").GetString());
        Assert.Equal("127.0.0.1", failure.GetProperty("receiving-ip").GetString());
        Assert.Equal("127.0.0.1", failure.GetProperty("sending-mta-ip").GetString());
        Assert.Equal(1, failure.GetProperty("failed-session-count").GetInt32());
    }

    [Fact]
    public async Task A_policy_that_could_not_be_had_is_told()
    {
        await using var scene = await SceneAsync("mx.remote.test", "https://remote.test/tls");
        scene.Server.Serve("gone", status: "404 Not Found");
        await scene.Delivery.SendAsync("a@remote.test");
        scene.Server.Answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

        await SendAsync(scene);

        var policy = Assert.Single(PostedReport(scene).GetProperty("policies").EnumerateArray());
        Assert.Equal("sts", policy.GetProperty("policy").GetProperty("policy-type").GetString());
        Assert.Equal("sts-policy-fetch-error", policy.GetProperty("failure-details")[0].GetProperty("result-type").GetString());
    }

    [Fact]
    public async Task A_domain_that_asks_for_no_report_is_not_counted()
    {
        await using var scene = await StsScene.StartAsync();
        scene.Server.Serve("gone", status: "404 Not Found");
        await scene.Delivery.SendAsync("a@remote.test");

        await scene.Delivery.Part<TlsTally>().WriteAsync(Cancellation);

        Assert.Empty(await scene.Delivery.Part<ITlsReportStore>().FindDomainsAsync(new DateOnly(2026, 3, 1), Cancellation));
    }

    [Fact]
    public async Task What_cannot_be_handed_in_is_tried_again_and_what_was_is_not()
    {
        await using var scene = await SceneAsync("mx.remote.test", "https://remote.test/tls,mailto:a@remote.test");
        scene.Server.Serve("enforce", StsScene.Week, "mx.remote.test");
        await scene.Delivery.SendAsync("a@remote.test");
        scene.Server.Answer = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";

        await SendAsync(scene);
        await WaitUntil.TrueAsync(() => scene.Delivery.Part<RecordedOwnMail>().Sent.Count == 1);
        scene.Server.Answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        scene.Delivery.Time.Advance(TimeSpan.FromMinutes(10));
        await WaitUntil.TrueAsync(() => IsToldNoMore(scene));

        Assert.Single(scene.Delivery.Part<RecordedOwnMail>().Sent);
        Assert.Equal(2, PostsIn(scene));
    }

    [Fact]
    public async Task A_server_that_keeps_silent_is_given_up_by_the_clock()
    {
        await using var scene = await StsScene.StartAsync();
        var place = new Uri($"https://mta-sts.remote.test:{scene.Server.Port}/tls");
        var sending = scene.Delivery.Part<TlsReportPost>().SendAsync(place, "report"u8.ToArray(), Cancellation);
        await WaitUntil.TrueAsync(() => PostsIn(scene) == 1);

        scene.Delivery.Time.Advance(TimeSpan.FromMinutes(1));

        Assert.Equal("the server took too long", await sending.WaitAsync(TimeSpan.FromSeconds(30), Cancellation));
    }

    [Fact]
    public async Task A_report_that_nobody_takes_is_given_up_after_a_day()
    {
        await using var scene = await SceneAsync("mx.remote.test", "mailto:a@remote.test");
        scene.Server.Serve("gone", status: "404 Not Found");
        await scene.Delivery.SendAsync("a@remote.test");
        scene.Delivery.Part<RecordedOwnMail>().IsAway = true;

        await SendAsync(scene);
        Assert.False(IsToldNoMore(scene));

        scene.Delivery.Time.Advance(new DateTimeOffset(2026, 3, 3, 4, 30, 0, TimeSpan.Zero) - scene.Delivery.Time.GetUtcNow());

        await WaitUntil.TrueAsync(() => IsToldNoMore(scene));
    }

    [Fact]
    public void The_counts_of_several_processes_are_added_up()
    {
        var failure = new TlsFailureTotals("certificate-expired", "192.0.2.1", "mx.x.test", "192.0.2.2", 3);
        TlsPolicyTotals[] totals =
        [
            new("sts", ["mode: enforce"], ["mx.x.test"], 5, [failure]),
            new("sts", ["mode: enforce"], ["mx.x.test"], 7, [failure with { Sessions = 4 }, failure with { ReceivingAddress = "192.0.2.3", Sessions = 1 }]),
            new("sts", ["mode: testing"], ["mx.x.test"], 1, []),
        ];

        var entries = TlsReport.Sum("x.test", totals);

        Assert.Equal([(12, 8), (1, 0)], entries.Select(e => (e.Summary.Successful, e.Summary.Failed)));
        Assert.Equal([7, 1], entries[0].Failures!.Select(f => f.Sessions));
    }

    [Fact]
    public void Kinds_of_failure_without_end_are_counted_without_their_details()
    {
        var tally = new DomainTally();
        var policy = new ReportedPolicy("no-policy-found", "", "");
        for (var i = 0; i < 1_000; i++)
        {
            tally.Count(policy, new ReportedFailure(Relay.Delivery.TlsPolicies.TlsTrouble.StartTlsNotSupported, "192.0.2.1", $"mx{i}.x.test", null));
        }

        var totals = Assert.Single(tally.Totals());
        Assert.Equal(1_000, totals.Failures.Sum(f => f.Sessions));
        Assert.Equal(201, totals.Failures.Count);
    }

    private static async Task<StsScene> SceneAsync(string? certificate, string places)
    {
        var scene = await StsScene.StartAsync(certificate);
        scene.Dns.Txt("_smtp._tls.remote.test", $"v=TLSRPTv1; rua={places.Replace("https://remote.test/", $"https://mta-sts.remote.test:{scene.Server.Port}/", StringComparison.Ordinal)}");
        return scene;
    }

    // To the next morning, when every report is due; the sender has a clock of its own.
    private static async Task SendAsync(StsScene scene)
    {
        await scene.Delivery.Part<TlsTally>().WriteAsync(Cancellation);
        scene.Delivery.Time.Advance(new DateTimeOffset(2026, 3, 2, 4, 5, 0, TimeSpan.Zero) - scene.Delivery.Time.GetUtcNow());
        await WaitUntil.TrueAsync(() => PostsIn(scene) + scene.Delivery.Part<RecordedOwnMail>().Tries > 0);
    }

    private static int PostsIn(StsScene scene) => scene.Server.Requests.Count(r => r.StartsWith("POST", StringComparison.Ordinal));

    private static bool IsToldNoMore(StsScene scene) =>
        scene.Delivery.Part<ITlsReportStore>().FindDomainsAsync(new DateOnly(2026, 3, 1), Cancellation).AsTask().Result.Count == 0;

    private static (int Successful, int Failed) CountsOf(JsonElement policy) =>
        (policy.GetProperty("summary").GetProperty("total-successful-session-count").GetInt32(), policy.GetProperty("summary").GetProperty("total-failure-session-count").GetInt32());

    private static JsonElement PostedReport(StsScene scene)
    {
        var posted = scene.Server.Requests.Single(r => r.StartsWith("POST /tls HTTP/1.1\r\n", StringComparison.Ordinal));
        Assert.Contains("Content-Type: application/tlsrpt+gzip\r\n", posted, StringComparison.Ordinal);
        return ReadReport(Encoding.Latin1.GetBytes(posted[(posted.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..]));
    }

    private static JsonElement ReadReport(byte[] file)
    {
        using var gzip = new GZipStream(new MemoryStream(file), CompressionMode.Decompress);
        using var document = JsonDocument.Parse(gzip);
        return document.RootElement.Clone();
    }
}
