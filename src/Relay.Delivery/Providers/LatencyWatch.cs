namespace Relay.Delivery.Providers;

/// <summary>
/// Tells whether answers take longer the more connections there are. What they take when hardly anybody pushes is the measure:
/// a receiver that is slow by nature is none that is pressed.
/// </summary>
internal sealed class LatencyWatch
{
    // With so few connections it is the receiver's own pace, whatever it is.
    private const int Few = 2;

    // A single answer may be slow for its message.
    private const int SmallestRound = 8;

    // Twice as long is often a busy minute, and within half a second it may be our own machine or the line.
    private const double Times = 3;
    private static readonly TimeSpan Least = TimeSpan.FromMilliseconds(500);

    private const double Learning = 0.25;

    private TimeSpan _usual;
    private TimeSpan _sum;
    private int _count;

    /// <summary>True when this answer ends a round in which the answers have grown slow with the number of connections.</summary>
    public bool Grows(TimeSpan answer, int connections)
    {
        if (_usual == TimeSpan.Zero)
        {
            _usual = answer;
        }

        _sum += answer;
        if (++_count < Math.Max(SmallestRound, connections))
        {
            return false;
        }

        var mean = _sum / _count;
        (_sum, _count) = (TimeSpan.Zero, 0);
        if (connections <= Few)
        {
            _usual += (mean - _usual) * Learning;
            return false;
        }

        _usual = mean < _usual ? mean : _usual;
        return mean > _usual * Times && mean > _usual + Least;
    }
}
