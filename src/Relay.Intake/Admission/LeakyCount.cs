namespace Relay.Intake.Admission;

/// <summary>What somebody does again and again, by who it is; it is forgotten evenly, all of it within a window.</summary>
internal sealed class LeakyCount<TKey>(int most, TimeSpan window, int capacity)
    where TKey : notnull
{
    private readonly TimeSpan _forgotten = window / most;

    // Two halves: when the young one is full the old one goes, and whoever goes on moves from old to young.
    private Dictionary<TKey, (double Times, long Counted)> _young = [];
    private Dictionary<TKey, (double Times, long Counted)> _old = [];

    public int Count => _young.Count + _old.Count;

    /// <summary>Null while there are not too many; else how long until there would not be.</summary>
    public TimeSpan? Add(TKey key, long now, TimeProvider time)
    {
        var times = 0.0;
        if (_young.TryGetValue(key, out var known) || _old.Remove(key, out known))
        {
            times = Math.Max(0, known.Times - (time.GetElapsedTime(known.Counted, now) / _forgotten));
        }
        else if (_young.Count >= capacity / 2)
        {
            (_old, _young) = (_young, []);
        }

        // One too many is as bad as a thousand and counts no further: whoever stops is forgotten soon.
        var over = times + 1 - most;
        _young[key] = (over > 0 ? times : times + 1, now);
        return over > 0 ? over * _forgotten : null;
    }
}
