using Relay.Mail.Queue;

namespace Relay.Redis.Queue;

/// <summary>
/// How far a partition's <c>lanes</c> have been looked through: every lane that stood there with an earlier time is known here,
/// or was overlooked, and then all is looked through once more. Whoever forgets a lane, or hears of what a look in progress may
/// have missed, moves the time back; only a look that has read on moves it forward, and one that failed leaves it where it was.
/// </summary>
internal sealed class LaneLook
{
    // Where more lanes wait than can be known, some of those that are known and only wait give their places to others, so that each
    // is tried now and then. So many places for each beat that has passed since the last look, and at the most so many in one look,
    // since each lane that comes in has to be asked whether its mail can leave.
    private const int SwapsPerBeat = 128;
    private const int MostSwaps = 2_048;

    /// <summary>How often what was overlooked is looked for, where that costs little.</summary>
    public static readonly TimeSpan Beat = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private long _next = LaneShare.Nothing;
    private bool _hasOverlooked;
    private bool _isUrgent;
    private long? _lookedAgain;
    private int _swaps = SwapsPerBeat;

    // Of the look in progress.
    private int _swapsLeft;
    private bool _isShort;
    private int _looked;
    private bool _isFromTheStart;

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

    /// <summary>Lanes that were due when all was looked through last.</summary>
    public int Lanes { get; private set; }

    /// <summary>What was overlooked should have had a place, and is to be looked for whatever that costs.</summary>
    public bool IsUrgent
    {
        get
        {
            lock (_lock)
            {
                return _isUrgent;
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
                _isUrgent = false;
                _isShort = false;
                _looked = 0;
                _isFromTheStart = true;
                (_swapsLeft, _swaps) = (_swaps, SwapsPerBeat);
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
            if (reached <= now)
            {
                return;
            }

            if (!_isShort)
            {
                _swappedTo = default;
            }

            if (_isFromTheStart)
            {
                _isFromTheStart = false;
                Lanes = _looked;
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
    /// <param name="isUrgent">It should have one before those that have.</param>
    public void Overlook(bool isUrgent = false)
    {
        lock (_lock)
        {
            _hasOverlooked = true;
            _isUrgent |= isUrgent;
        }
    }

    /// <summary>Looks for what was overlooked, once the last look at everything has come to its end. Returns how many lanes that is likely to be.</summary>
    public int LookAgain(long now)
    {
        lock (_lock)
        {
            if (!_hasOverlooked || _isFromTheStart || _next == 0)
            {
                return 0;
            }

            var beats = _lookedAgain is { } before ? (now - before) / (long)Beat.TotalMilliseconds : 1;
            _swaps = (int)Math.Clamp(beats * SwapsPerBeat, SwapsPerBeat, MostSwaps);
            _lookedAgain = now;
            _next = 0;
            return Lanes;
        }
    }

    /// <summary>Whether the lane that is looked at may take the place of one that is in no better case.</summary>
    public bool MaySwap(long due, string name) => _swapsLeft > 0 && IsBehindSwapped(due, name);

    /// <summary>What came of it.</summary>
    public void Looked(long due, string name, Discovery discovery)
    {
        _looked++;
        switch (discovery)
        {
            case Discovery.Swapped:
                _swapsLeft--;
                _swappedTo = (due, name);
                break;

            case Discovery.NoPlace or Discovery.NoPlaceYet:
                Overlook(isUrgent: discovery == Discovery.NoPlaceYet);
                _isShort |= IsBehindSwapped(due, name);
                break;
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

    /// <summary>There is none, though its account has few: nothing that is known can be sent away at this moment.</summary>
    NoPlaceYet,
}
