using System.Diagnostics;
using System.Diagnostics.Metrics;
using Relay.Intake.Admission;
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

    public IntakeMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(Name);
        _accepted = meter.CreateCounter<long>("relay.accepted", "{message}", "Messages accepted: 250 or 202 was said.");
        _refused = meter.CreateCounter<long>("relay.refused", "{message}", "Messages refused by the gate.");
        _acceptDuration = meter.CreateHistogram<double>("relay.accept.duration", "s", "From the whole message to its durable acceptance.");
    }

    internal void Accepted(MessageSource source, TimeSpan duration)
    {
        var tag = DoorOf(source);
        _accepted.Add(1, tag);
        _acceptDuration.Record(duration.TotalSeconds, tag);
    }

    internal void Refused(MessageSource source, RefusalReason reason) =>
        _refused.Add(1, DoorOf(source), new KeyValuePair<string, object?>("reason", reason));

    private static KeyValuePair<string, object?> DoorOf(MessageSource source) =>
        new("door", source == MessageSource.Smtp ? "smtp" : "http");
}
