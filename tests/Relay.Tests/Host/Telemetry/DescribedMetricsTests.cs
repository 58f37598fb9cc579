using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using Relay.Delivery;
using Relay.Feedback;
using Relay.Intake;
using Relay.Redis.Telemetry;
using Relay.TestKit;

namespace Relay.Tests.Host.Telemetry;

/// <summary>Who watches a relay reads <c>ops/metrics.md</c>: it names what there is, and nothing else.</summary>
public sealed class DescribedMetricsTests
{
    [Fact]
    public void Every_metric_is_described_and_none_that_is_not_there()
    {
        var published = new ConcurrentBag<string>();
        using var services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        var meters = services.GetRequiredService<IMeterFactory>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, _) =>
            {
                if (ReferenceEquals(instrument.Meter.Scope, meters))
                {
                    published.Add(instrument.Name);
                }
            },
        };
        listener.Start();
        _ = new IntakeMetrics(meters);
        using var delivery = new DeliveryMetrics(meters);
        _ = new FeedbackMetrics(meters);
        _ = new RedisMetrics(meters, TimeProvider.System);

        var rows = File.ReadLines(Path.Combine(Repository.Root, "ops", "metrics.md")).Where(line => line.StartsWith("| `relay.", StringComparison.Ordinal));
        var described = rows.SelectMany(row => Regex.Matches(row.Split('|')[1], "`(relay[^`]+)`", RegexOptions.None, TimeSpan.FromSeconds(1)).Select(match => match.Groups[1].Value));

        Assert.Equal(published.Order(), described.Order());
    }
}
