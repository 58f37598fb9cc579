using System.Diagnostics.Metrics;
using Relay.Mail.Queue;

namespace Relay.Redis.Telemetry;

/// <summary>What the store's side of the relay measures. The gauges show what a slow loop saw last, so a scrape costs the store nothing.</summary>
internal sealed class RedisMetrics
{
    public const string MeterName = "Relay.Redis";

    private readonly Histogram<int> _settleBatch;
    private readonly Counter<long> _setAside;
    private readonly Counter<long> _asked;
    private readonly Counter<long> _late;
    private readonly Counter<long> _dropped;
    private readonly TimeProvider _time;
    private volatile QueueDepth _depth = new(0, null);
    private volatile int _suspensions;

    public RedisMetrics(IMeterFactory meters, TimeProvider time)
    {
        _time = time;
        var meter = meters.Create(MeterName);
        _settleBatch = meter.CreateHistogram<int>("relay.settle.batch", "{unit}", "Units settled by one step.");
        _setAside = meter.CreateCounter<long>("relay.queue.unreadable", "{unit}", "Entries set aside because their record is missing or cannot be read.");
        _asked = meter.CreateCounter<long>("relay.queue.asked", "{unit}", "Units cancelled, bounced or made due because someone asked for it.");
        meter.CreateObservableGauge("relay.queue.suspensions", () => _suspensions, "{suspension}", "Suspensions in force.");
        _late = meter.CreateCounter<long>("relay.settle.late", "{unit}", "Outcomes that came when their partition had another owner.");
        _dropped = meter.CreateCounter<long>("relay.events.dropped", "{message}", "Messages whose events gave way to newer ones before their webhook had taken them.");
        meter.CreateObservableGauge("relay.queue.depth", () => _depth.Units, "{unit}", "Units waiting, those being tried included.");
        meter.CreateObservableGauge("relay.queue.oldest_age", OldestAge, "s", "How long the longest waiting unit has been due.");
    }

    public void SettleBatch(int units) => _settleBatch.Record(units);

    public void Late(int units) => _late.Add(units);

    public void EventsDropped(long messages) => _dropped.Add(messages);

    public void SetAside() => _setAside.Add(1);

    public void Asked(AskKind kind, long units) => _asked.Add(units, new KeyValuePair<string, object?>("kind", kind.ToString().ToLowerInvariant()));

    public void Suspensions(int inForce) => _suspensions = inForce;

    public void Depth(QueueDepth depth) => _depth = depth;

    private double OldestAge() => _depth.EarliestDue is { } due ? Math.Max(0, (_time.GetUtcNow() - due).TotalSeconds) : 0;
}
