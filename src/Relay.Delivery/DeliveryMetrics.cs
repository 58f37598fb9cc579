using System.Diagnostics;
using System.Diagnostics.Metrics;
using Relay.Delivery.TlsPolicies;
using Relay.Mail.Messages;

namespace Relay.Delivery;

/// <summary>What delivery counts and traces. No tag names a message or an address.</summary>
internal sealed class DeliveryMetrics : IDisposable
{
    public const string Name = "Relay.Delivery";

    public static readonly ActivitySource Traces = new(Name);

    private readonly Meter _meter;
    private readonly Counter<long> _delivered;
    private readonly Counter<long> _deferred;
    private readonly Counter<long> _bounced;
    private readonly Counter<long> _suppressed;
    private readonly Counter<long> _complained;
    private readonly Counter<long> _attempts;
    private readonly Counter<long> _alerts;
    private readonly Counter<long> _pauses;
    private readonly Histogram<double> _duration;
    private readonly UpDownCounter<long> _open;
    private readonly Counter<long> _opened;
    private readonly Counter<long> _reused;
    private readonly Counter<long> _handshakes;
    private readonly Counter<long> _tlsSessions;
    private readonly Counter<long> _eventsPosted;
    private readonly Counter<long> _eventsGivenUp;

    public DeliveryMetrics(IMeterFactory meters)
    {
        _meter = meters.Create(Name);
        _delivered = _meter.CreateCounter<long>("relay.delivered", "{recipient}", "Recipients delivered.");
        _deferred = _meter.CreateCounter<long>("relay.deferred", "{recipient}", "Recipients put off, by cause.");
        _bounced = _meter.CreateCounter<long>("relay.bounced", "{recipient}", "Recipients given up, by cause.");
        _suppressed = _meter.CreateCounter<long>("relay.suppressed", "{recipient}", "Recipients that their account sends nothing to.");
        _complained = _meter.CreateCounter<long>("relay.complained.simulated", "{recipient}", "Complaints that the simulator played.");
        _attempts = _meter.CreateCounter<long>("relay.attempts", "{attempt}", "Attempts to deliver a unit.");
        _alerts = _meter.CreateCounter<long>("relay.alerts", "{refusal}", "Refusals that do not mend themselves, by cause.");
        _pauses = _meter.CreateCounter<long>("relay.node.pauses", "{pause}", "Times that this machine lacked what a new connection needs, by what.");
        _duration = _meter.CreateHistogram<double>("relay.delivery.duration", "s", "From acceptance, or the time it was scheduled for, to the outcome.");
        _open = _meter.CreateUpDownCounter<long>("relay.connections.open", "{connection}", "Connections open to remotes.");
        _opened = _meter.CreateCounter<long>("relay.connections.opened", "{connection}", "Connections opened to remotes.");
        _reused = _meter.CreateCounter<long>("relay.connections.reused", "{message}", "Messages that found an open connection.");
        _handshakes = _meter.CreateCounter<long>("relay.tls.handshakes", "{handshake}", "TLS handshakes with remotes, and whether each resumed an earlier session.");
        _eventsPosted = _meter.CreateCounter<long>("relay.events.posted", "{post}", "Posts of events to webhooks, and whether each was taken.");
        _eventsGivenUp = _meter.CreateCounter<long>("relay.events.given_up", "{event}", "Events that their webhook never took.");
        _tlsSessions = _meter.CreateCounter<long>("relay.tls.sessions", "{session}", "Sessions with mail exchangers, by the policy they were under and what was wrong with TLS.");
    }

    public void Attempted() => _attempts.Add(1);

    public void Suppressed() => _suppressed.Add(1);

    public void Complained() => _complained.Add(1);

    public void Delivered(Message message, DateTimeOffset now)
    {
        _delivered.Add(1);
        _duration.Record((now - message.DueAt).TotalSeconds, new KeyValuePair<string, object?>("outcome", "delivered"));
    }

    public void Deferred(string? rule) => _deferred.Add(1, new KeyValuePair<string, object?>("rule", rule));

    public void Bounced(Message message, DateTimeOffset now, string? rule)
    {
        _bounced.Add(1, new KeyValuePair<string, object?>("rule", rule));
        _duration.Record((now - message.DueAt).TotalSeconds, new KeyValuePair<string, object?>("outcome", "bounced"));
    }

    public void Alerted(string rule) => _alerts.Add(1, new KeyValuePair<string, object?>("rule", rule));

    public void Paused(string rule) => _pauses.Add(1, new KeyValuePair<string, object?>("rule", rule));

    public void ConnectionOpened()
    {
        _open.Add(1);
        _opened.Add(1);
    }

    public void ConnectionClosed() => _open.Add(-1);

    public void ConnectionReused() => _reused.Add(1);

    public void HandshakeDone(bool isResumed) => _handshakes.Add(1, new KeyValuePair<string, object?>("resumed", isResumed));

    /// <param name="trouble">Under <c>mta-sts testing</c>, what would have kept the session from being used.</param>
    public void TlsSession(string? policy, TlsTrouble? trouble) => _tlsSessions.Add(
        1,
        new KeyValuePair<string, object?>("policy", policy ?? "none"),
        new KeyValuePair<string, object?>("result", trouble?.ToString() ?? "ok"));

    public void EventPosted(bool isTaken) => _eventsPosted.Add(1, new KeyValuePair<string, object?>("taken", isTaken));

    public void EventsGivenUp(int count) => _eventsGivenUp.Add(count);

    public void Dispose() => _meter.Dispose();
}
