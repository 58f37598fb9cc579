using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace Relay.Tests;

/// <summary>What one counter of the process under test has counted, by its tag.</summary>
internal sealed class CountedBy : IDisposable
{
    private readonly ConcurrentDictionary<string, long> _counted = new(StringComparer.Ordinal);
    private readonly MeterListener _listener = new();

    public CountedBy(IMeterFactory meters, string counter)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (ReferenceEquals(instrument.Meter.Scope, meters) && instrument.Name == counter)
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((_, value, tags, _) =>
            _counted.AddOrUpdate(string.Join(' ', tags.ToArray().Select(tag => tag.Value)), value, (_, sum) => sum + value));
        _listener.Start();
    }

    public IEnumerable<string> Tags => _counted.OrderBy(tag => tag.Key, StringComparer.Ordinal).Select(tag => $"{tag.Key} {tag.Value}");

    public void Dispose() => _listener.Dispose();
}
