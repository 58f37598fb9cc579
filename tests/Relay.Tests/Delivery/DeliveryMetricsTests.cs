using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Relay.TestKit.Remote;

namespace Relay.Tests.Delivery;

public sealed class DeliveryMetricsTests
{
    [Fact]
    public async Task What_happens_is_counted_without_a_name_in_any_tag()
    {
        var script = new RemoteScript()
            .On(RemoteStage.Rcpt, m => m.Line.Contains("<bad@") ? RemoteAnswer.Say("550 5.1.1 No") : null)
            .On(RemoteStage.Rcpt, m => m.Line.Contains("<later@") ? RemoteAnswer.Say("450 4.2.1 Later") : null);
        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, ("Delivery:ConnectionsPerSite", 1));
        var meters = delivery.Part<IMeterFactory>();
        var counted = new ConcurrentDictionary<string, long>();
        var tags = new ConcurrentBag<object?>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, l) =>
            {
                if (instrument.Meter.Scope == meters)
                {
                    l.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, with, _) =>
        {
            counted.AddOrUpdate(instrument.Name, value, (_, before) => before + value);
            foreach (var tag in with)
            {
                tags.Add(tag.Value);
            }
        });
        listener.Start();

        await delivery.SendAsync("good@remote.test", "bad@remote.test", "later@remote.test");
        await delivery.SendAsync("good@remote.test");

        Assert.Equal((2, 1, 1, 2), (counted["relay.delivered"], counted["relay.deferred"], counted["relay.bounced"], counted["relay.attempts"]));
        Assert.Equal((1, 1, 1), (counted["relay.connections.opened"], counted["relay.connections.open"], counted["relay.connections.reused"]));
        Assert.DoesNotContain(tags, t => t is string text && (text.Contains('@') || text.Contains("remote.test")));
    }

    [Fact]
    public async Task An_attempt_continues_the_trace_of_the_request_that_brought_the_message()
    {
        var parent = ActivityTraceId.CreateRandom();
        var seen = new TaskCompletionSource<Activity>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "Relay.Delivery",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = activity =>
            {
                if (activity.TraceId == parent)
                {
                    seen.TrySetResult(activity);
                }
            },
        };
        ActivitySource.AddActivityListener(listener);
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        await delivery.AcceptAsync(A.Message(delivery.Time, "a@remote.test") with { TraceParent = $"00-{parent}-{ActivitySpanId.CreateRandom()}-01" });

        var attempt = await seen.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        Assert.Equal(("deliver", "127.0.0.1"), (attempt.OperationName, attempt.GetTagItem("server.address")));
    }
}
