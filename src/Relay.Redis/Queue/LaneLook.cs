namespace Relay.Redis.Queue;

/// <summary>
/// How far a partition's <c>lanes</c> have been looked through: every lane that stood there with an earlier time is known here.
/// Whoever forgets a lane, or hears of what a look in progress may have missed, moves the time back; only a look that has
/// read on moves it forward, and one that failed leaves it where it was.
/// </summary>
internal sealed class LaneLook
{
    private readonly Lock _lock = new();
    private long _next = LaneShare.Nothing;

    /// <summary>When to look next, in Unix milliseconds. While a look goes on, when to look after it.</summary>
    public long Next
    {
        get
        {
            lock (_lock)
            {
                return _next;
            }
        }
    }

    /// <summary>From where to read. What is said meanwhile counts for the look after this one, which <see cref="From"/> ends.</summary>
    public long Begin()
    {
        lock (_lock)
        {
            var from = _next;
            _next = LaneShare.Nothing;
            return from;
        }
    }

    /// <summary>A lane may stand there, from this time on, that is not known.</summary>
    public void From(long due)
    {
        lock (_lock)
        {
            _next = Math.Min(_next, due);
        }
    }

    /// <summary>Everything is to be looked at.</summary>
    public void FromTheStart() => From(0);
}
