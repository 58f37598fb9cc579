using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Relay.Tests.Intake.Smtp;

public sealed class TelemetryTests
{
    [Fact]
    public async Task The_message_carries_the_trace_that_began_at_the_door()
    {
        var started = new ConcurrentBag<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "Relay.Intake",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStarted = started.Add,
        };
        ActivitySource.AddActivityListener(listener);
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.BeginContentAsync();

        await client.SendsRaw("From: shop@sender.test\r\n\r\nbody\r\n.\r\n");
        await client.Expects("250 ");

        var trace = ActivityContext.Parse(door.TheMessage.TraceParent!, null);
        Assert.Contains(started, activity => activity.OperationName == "smtp.message" && activity.TraceId == trace.TraceId);
    }

    [Fact]
    public async Task No_key_is_in_any_trace()
    {
        var started = new ConcurrentBag<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name.StartsWith("Relay.", StringComparison.Ordinal),
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStarted = started.Add,
        };
        ActivitySource.AddActivityListener(listener);
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.GreetAsync();

        await client.Says($"AUTH PLAIN {DoorUnderTest.Plain("rk_live_wrong")}", expect: "535 ");
        await client.Says($"AUTH PLAIN {DoorUnderTest.Plain(DoorUnderTest.Key)}", expect: "235 ");
        await client.Says("MAIL FROM:<shop@sender.test>", expect: "250 ");
        await client.Says("RCPT TO:<ann@example.test>", expect: "250 ");
        await client.Says("DATA", expect: "354 ");
        await client.SendsRaw("From: shop@sender.test\r\n\r\nbody\r\n.\r\n");
        await client.Expects("250 ");

        var told = started
            .SelectMany(activity => activity.TagObjects.Concat(activity.Events.SelectMany(e => e.Tags)).Select(tag => $"{tag.Key}={tag.Value}").Append(activity.OperationName))
            .ToList();
        Assert.Contains("smtp.message", told);
        foreach (var secret in new[] { DoorUnderTest.Key, DoorUnderTest.Plain(DoorUnderTest.Key), "rk_live_wrong" })
        {
            Assert.DoesNotContain(told, text => text.Contains(secret, StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task Sessions_are_counted_in_and_out_and_refusals_by_reason()
    {
        await using var door = await DoorUnderTest.StartAsync(options => options.MaxMessageBytes = 65_536);
        var totals = new ConcurrentDictionary<string, long>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (ReferenceEquals(instrument.Meter.Scope, door.Meters))
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            var reason = tags.ToArray().FirstOrDefault(tag => tag.Key == "reason").Value;
            totals.AddOrUpdate(reason is null ? instrument.Name : $"{instrument.Name}:{reason}", value, (_, sum) => sum + value);
        });
        listener.Start();

        await using (var client = await door.LogInAsync())
        {
            await client.Says("MAIL FROM:<shop@sender.test> SIZE=65537", expect: "552 ");
            await client.Says("QUIT", expect: "221 ");
        }

        await door.Log.WaitForAsync("is over", TestContext.Current.CancellationToken);
        Assert.Equal(1, totals["relay.sessions"]);
        Assert.Equal(0, totals["relay.sessions.open"]);
        Assert.Equal(1, totals["relay.refused:TooLarge"]);
    }
}
