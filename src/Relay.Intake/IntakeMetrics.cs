using System.Diagnostics;
using System.Diagnostics.Metrics;
using Relay.Intake.Admission;
using Relay.Intake.Smtp;
using Relay.Mail.Messages;

namespace Relay.Intake;

/// <summary>The one owner of the meter <c>Relay.Intake</c>. Tags hold no address and no id.</summary>
public sealed class IntakeMetrics
{
    public const string Name = "Relay.Intake";

    internal static readonly ActivitySource Activities = new(Name);

    private readonly Counter<long> _accepted;
    private readonly Counter<long> _refused;
    private readonly Histogram<double> _acceptDuration;
    private readonly Counter<long> _failedLogins;
    private readonly Counter<long> _paced;
    private readonly Counter<long> _routed;
    private readonly Counter<long> _sessions;
    private readonly UpDownCounter<long> _openSessions;

    public IntakeMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(Name);
        _accepted = meter.CreateCounter<long>("relay.accepted", "{message}", "Messages accepted: 250 or 202 was said.");
        _refused = meter.CreateCounter<long>("relay.refused", "{message}", "Messages refused by the gate, and clients refused by a door.");
        _acceptDuration = meter.CreateHistogram<double>("relay.accept.duration", "s", "From the whole message to its durable acceptance.");
        _failedLogins = meter.CreateCounter<long>("relay.logins.failed", "{login}", "Wrong keys at either door, by whether they were answered as one too many.");
        _paced = meter.CreateCounter<long>("relay.paced", "{message}", "Messages accepted for later, since they came faster than the rate of their key.");
        _routed = meter.CreateCounter<long>("relay.routed", "{message}", "Mail of the world for the routes of accounts, by how it was answered.");
        _sessions = meter.CreateCounter<long>("relay.sessions", "{session}", "SMTP connections taken.");
        _openSessions = meter.CreateUpDownCounter<long>("relay.sessions.open", "{session}", "SMTP connections open now.");
    }

    internal void Accepted(MessageSource source, TimeSpan duration)
    {
        var tag = DoorOf(source);
        _accepted.Add(1, tag);
        _acceptDuration.Record(duration.TotalSeconds, tag);
    }

    internal void Refused(MessageSource source, RefusalReason reason) =>
        _refused.Add(1, DoorOf(source), new KeyValuePair<string, object?>("reason", reason));

    internal void Refused(DoorRefusal reason) => Refused(MessageSource.Smtp, reason);

    internal void Refused(MessageSource source, DoorRefusal reason) =>
        _refused.Add(1, DoorOf(source), new KeyValuePair<string, object?>("reason", reason));

    internal void LoginFailed(bool isThrottled) => _failedLogins.Add(1, new KeyValuePair<string, object?>("throttled", isThrottled));

    internal void Paced() => _paced.Add(1);

    internal void Routed(RoutedAnswer answer) => _routed.Add(1, new KeyValuePair<string, object?>("answer", answer));

    internal void SessionOpened(ListenerTls tls)
    {
        _sessions.Add(1, TlsOf(tls));
        _openSessions.Add(1, TlsOf(tls));
    }

    internal void SessionClosed(ListenerTls tls) => _openSessions.Add(-1, TlsOf(tls));

    private static KeyValuePair<string, object?> TlsOf(ListenerTls tls) => new("tls", tls);

    private static KeyValuePair<string, object?> DoorOf(MessageSource source) =>
        new("door", source == MessageSource.Smtp ? "smtp" : "http");
}
