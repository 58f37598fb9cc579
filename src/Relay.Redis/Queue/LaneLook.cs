using Relay.Mail.Queue;

namespace Relay.Redis.Queue;

/// <summary>
/// How far a partition's <c>lanes</c> have been looked through: every lane that stood there with an earlier time is known here,
/// or was overlooked, and then all is looked through once more. Whoever forgets a lane, or hears of what a look in progress may
/// have missed, moves the time back; only a look that has read on moves it forward, and one that failed leaves it where it was.
/// </summary>
internal sealed class LaneLook
{
    // Lanes that can only wait take the places of others that can only wait: so each is tried now and then, however many there
    // are. Every one of these is read anew, so they are few for each time that all are looked through.
    private const int SwapsPerLook = 128;

    private readonly Lock _lock = new();
    private long _next = LaneShare.Nothing;
    private bool _hasOverlooked;

    // Of the look in progress.
    private int _swaps;
    private bool _isShort;

    // Where the lanes begin that had no turn to be swapped in yet.
    private (long Due, string Name) _swappedTo;

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

    /// <summary>From where to read. What is said meanwhile counts for the look after this one, which <see cref="End"/> ends.</summary>
    public long Begin()
    {
        lock (_lock)
        {
            var from = _next;
            _next = LaneShare.Nothing;
            if (from == 0)
            {
                _hasOverlooked = false;
                _isShort = false;
                _swaps = 0;
            }

            return from;
        }
    }

    /// <summary>Everything up to this time is known, or was overlooked.</summary>
    public void End(long reached, long now)
    {
        lock (_lock)
        {
            _next = Math.Min(_next, reached);
            if (reached > now && !_isShort)
            {
                _swappedTo = default;
            }
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

    /// <summary>A lane stands there for which there is no place now.</summary>
    public void Overlook()
    {
        lock (_lock)
        {
            _hasOverlooked = true;
        }
    }

    /// <summary>Looks for what was overlooked, once the last look has come to its end.</summary>
    public void LookAgain(long now)
    {
        lock (_lock)
        {
            _next = _hasOverlooked && _next > now ? 0 : _next;
        }
    }

    /// <summary>Whether the lane that is looked at may take the place of one that is in no better case.</summary>
    public bool MaySwap(long due, string name) => _swaps < SwapsPerLook && IsBehindSwapped(due, name);

    /// <summary>What came of it.</summary>
    public void Looked(long due, string name, Discovery discovery)
    {
        if (discovery == Discovery.Swapped)
        {
            _swaps++;
            _swappedTo = (due, name);
        }
        else if (discovery == Discovery.NoPlace)
        {
            Overlook();
            _isShort |= IsBehindSwapped(due, name);
        }
    }

    // In the order of a sorted set.
    private bool IsBehindSwapped(long due, string name) =>
        due > _swappedTo.Due || (due == _swappedTo.Due && string.CompareOrdinal(name, _swappedTo.Name) > 0);
}

/// <summary>What came of finding a lane in the store.</summary>
internal enum Discovery
{
    /// <summary>It is known now, or need not be.</summary>
    Known,

    /// <summary>It is known now in the place of one that is in no better case.</summary>
    Swapped,

    /// <summary>There is no place for it now.</summary>
    NoPlace,
}
