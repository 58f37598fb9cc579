using System.Security.Cryptography.X509Certificates;
using Relay.Faults.Checking;
using Relay.Faults.Clients;
using Relay.Faults.Sink;
using Relay.Faults.Stages;
using Relay.Faults.Stores;
using Relay.TestKit.Remote;

namespace Relay.Faults.Scenarios;

/// <summary>F15. Certificates that are old or of somebody else, handshakes that never come, TLS that is gone: what demands TLS never goes in clear, what does not is not held up.</summary>
internal sealed class TlsTrouble : Scenario
{
    private const string Expired = "expired.test";
    private const string Stalled = "stalled.test";
    private const string WrongName = "wrongname.test";
    private const string Stripped = "stripped.test";
    private static readonly string[] Demanding = [WrongName, Stripped];

    public override string Id => "F15";

    public override string Fault => "certificate old or of another name, handshake stalls, STARTTLS gone";

    public override string Expectation => "what demands TLS is never sent without proof; what does not goes on";

    public override IReadOnlyList<StoreKind> Stores => [StoreKind.Redis];

    public override (int Short, int Long) Rounds => (1, 5);

    public override async Task<Verdict> PlayAsync(RunRequest request, CancellationToken cancellation)
    {
        var yesterday = DateTimeOffset.UtcNow.AddDays(-1);
        await using var stage = await Stage.StartAsync(Id, request, cancellation, new StageSetup
        {
            Domains = new Dictionary<string, SinkMood> { [Expired] = SinkMood.Kind, [Stalled] = new SinkMood { StallsHandshake = true } },
            Certificates = new Dictionary<string, X509Certificate2>
            {
                [Expired] = TestCertificate.For("127.0.0.1", yesterday.AddDays(-9), yesterday),
                [Stalled] = TestCertificate.For("127.0.0.1"),
            },
            Settings = (relay, _) => relay
                .With("Delivery:Timeouts:TlsHandshake", "00:00:01")
                .With("Delivery:Retry:Expiry", "00:00:15"),
        });

        // They demand more than the sink can prove; a route of their own says so.
        await using var wrongName = LedgerSink.Start(WrongName, stage.Book, certificate: TestCertificate.For("somebody.else.test"));
        await using var stripped = LedgerSink.Start(Stripped, stage.Book);
        AddRoute(stage, 10, wrongName);
        AddRoute(stage, 11, stripped);
        await stage.Relay.StopAsync(cancellation);
        await stage.Relay.StartAgainAsync(cancellation);

        for (var round = 0; round < request.Rounds; round++)
        {
            var load = stage.Load(new LoadPlan { Domains = ["plain.test", Expired, Stalled, .. Demanding], Messages = 100, LargeShare = 0, MaxRecipients = 2 });
            await load.Done;
            await stage.DrainAsync(cancellation);
        }

        var verdict = await stage.CheckAsync(Promise.CrashSafe, cancellation);
        var book = stage.Book.Close();
        var told = book.Arrivals.Where(a => a.Token is not null && Demanding.Contains(a.Sink)).Select(a => new Finding("F15", a.Token!, $"sent to {a.Sink}, {(a.IsEncrypted ? "though its certificate proves nothing" : "in clear")}"));
        var clear = book.Arrivals.Where(a => a.Sink == Expired && !a.IsEncrypted).Select(a => new Finding("F15", a.Token ?? "report", "sent in clear although TLS was offered"));
        stage.Note($"stalled handshakes: {book.Arrivals.Count(a => a.Sink == Stalled)} mails arrived all the same");
        return verdict with { Findings = [.. verdict.Findings, .. told, .. clear] };
    }

    private static void AddRoute(Stage stage, int index, LedgerSink sink)
    {
        stage.Relay.Variables[$"Relay__Delivery__Routes__{index}__Domain"] = sink.Name;
        stage.Relay.Variables[$"Relay__Delivery__Routes__{index}__Host"] = "127.0.0.1";
        stage.Relay.Variables[$"Relay__Delivery__Routes__{index}__Port"] = sink.Port.ToString(System.Globalization.CultureInfo.InvariantCulture);
        stage.Relay.Variables[$"Relay__Delivery__Routes__{index}__Tls"] = "Required";
    }
}
