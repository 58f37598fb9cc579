using System.Diagnostics.Metrics;

namespace Relay.Feedback;

/// <summary>The one owner of the meter <c>Relay.Feedback</c>. Tags hold no address and no id.</summary>
internal sealed class FeedbackMetrics
{
    public const string Name = "Relay.Feedback";

    private readonly Counter<long> _incoming;

    public FeedbackMetrics(IMeterFactory meters) => _incoming = meters.Create(Name)
        .CreateCounter<long>("relay.incoming", "{mail}", "Mail that came back, by what became of it.");

    public void Came(Returns.Reception reception) => _incoming.Add(1, new KeyValuePair<string, object?>("as", reception));
}
