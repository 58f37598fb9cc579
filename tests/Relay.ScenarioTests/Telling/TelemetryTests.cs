using System.Collections.Concurrent;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Relay.ScenarioTests.Harness;
using Relay.TestKit.Remote;

namespace Relay.ScenarioTests.Telling;

public sealed class TelemetryTests
{
    private const string Secret = "the words of this body are nobody's business";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Traces_metrics_and_logs_go_to_the_collector_and_hold_neither_body_nor_key()
    {
        var received = new ConcurrentDictionary<string, string>();
        await using var collector = await CollectAsync(received);
        await using var remote = ScriptedSmtpServer.Start();
        var setup = new RelaySetup { Variables = { ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf", ["OTEL_METRIC_EXPORT_INTERVAL"] = "500", ["OTEL_BSP_SCHEDULE_DELAY"] = "200", ["OTEL_BLRP_SCHEDULE_DELAY"] = "200" } };
        await using var relay = await RelayUnderTest.StartAsync(Cancellation, setup.WithRoute(remote.Port).With("Telemetry:Otlp", collector.Urls.Single()));

        await relay.SendAsync(new { from = "a@sender.test", to = "b@remote.test", subject = "x", text = Secret }, Cancellation);
        await remote.WaitForMessagesAsync(1, Cancellation);

        // What is left goes out with the stop.
        Assert.Equal(0, await relay.StopAsync(Cancellation));
        Assert.Contains("Relay.Intake", received["/v1/traces"], StringComparison.Ordinal);
        Assert.Contains("Relay.Delivery", received["/v1/traces"], StringComparison.Ordinal);
        Assert.Contains("relay.accepted", received["/v1/metrics"], StringComparison.Ordinal);
        Assert.Contains("The store is open", received["/v1/logs"], StringComparison.Ordinal);
        foreach (var told in received.Values.Append(relay.Output).Append(relay.Errors))
        {
            Assert.DoesNotContain(Secret, told, StringComparison.Ordinal);
            Assert.DoesNotContain(relay.AdminKey!, told, StringComparison.Ordinal);
        }
    }

    // Protobuf keeps texts as they are, so they can be looked for without reading it.
    private static async Task<WebApplication> CollectAsync(ConcurrentDictionary<string, string> received)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        app.Run(async context =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body, Cancellation);
            var text = Encoding.Latin1.GetString(body.ToArray());
            received.AddOrUpdate(context.Request.Path, text, (_, before) => before + text);
        });
        await app.StartAsync(Cancellation);
        return app;
    }
}
