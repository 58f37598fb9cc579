namespace Relay.Delivery.Hooks;

/// <summary>
/// The program behind a webhook as this node finds it. One failure says little: it may be about that one event. A second with no
/// success between is the program's own, and so is a wish to be left alone; then it rests, and is tried with one post at a time.
/// </summary>
/// <param name="firstRest">How long, and at least.</param>
/// <param name="restAfter">How long after so many failed tries, from 1.</param>
internal sealed class Endpoint(Uri url, TimeSpan firstRest, Func<int, TimeSpan> restAfter, TimeProvider time)
{
    // So many answers may be outstanding at once: a program that answers in 50 ms takes some hundred events a second from a node.
    private const int AtOnce = 16;

    // Every few minutes one post finds out whether a program is back.
    private static readonly TimeSpan LongestRest = TimeSpan.FromMinutes(5);

    // So many lanes are read at once: while one is settled the others are posted from.
    private const int LanesAtOnce = 4;

    private readonly SemaphoreSlim _places = new(AtOnce);
    private readonly Lock _lock = new();
    private DateTimeOffset _restsUntil;
    private int _misses;
    private int _rests;
    private bool _isTried;

    public Uri Url => url;

    /// <summary>Seats for its lanes. See <see cref="LaneSeats"/>.</summary>
    public SemaphoreSlim Lanes { get; } = new(LanesAtOnce);

    /// <summary>Nothing was taken at the last tries.</summary>
    public bool IsFailing
    {
        get
        {
            lock (_lock)
            {
                return _rests > 0;
            }
        }
    }

    /// <summary>Until when nothing is posted to it; null when something may be.</summary>
    public DateTimeOffset? RestsUntil
    {
        get
        {
            lock (_lock)
            {
                return _restsUntil > time.GetUtcNow() ? _restsUntil : null;
            }
        }
    }

    /// <summary>Nobody posts to it, and nothing is to be remembered of it.</summary>
    public bool IsIdle
    {
        get
        {
            lock (_lock)
            {
                return _rests == 0 && _misses == 0 && _places.CurrentCount == AtOnce && Lanes.CurrentCount == LanesAtOnce;
            }
        }
    }

    /// <summary>Waits for a place. False when nothing is to be posted now; a place that was had is given back with <see cref="Leave()"/>.</summary>
    public async ValueTask<bool> TryEnterAsync(CancellationToken cancellation)
    {
        await _places.WaitAsync(cancellation);
        lock (_lock)
        {
            if (_restsUntil <= time.GetUtcNow() && !(_rests > 0 && _isTried))
            {
                _isTried = true;
                return true;
            }
        }

        _places.Release();
        return false;
    }

    /// <returns>What changed with it.</returns>
    public EndpointTurn Leave(HookAnswer answer)
    {
        _places.Release();
        lock (_lock)
        {
            _isTried = false;
            return answer.IsTaken ? Succeed() : Fail(answer.Wait);
        }
    }

    /// <summary>Gives a place back that nothing was posted from.</summary>
    public void Leave()
    {
        _places.Release();
        lock (_lock)
        {
            _isTried = false;
        }
    }

    private EndpointTurn Succeed()
    {
        var turn = _rests > 1 ? EndpointTurn.Recovered : EndpointTurn.None;
        (_misses, _rests, _restsUntil) = (0, 0, default);
        return turn;
    }

    private EndpointTurn Fail(TimeSpan? asked)
    {
        // What was under way when it began to rest says nothing more.
        var now = time.GetUtcNow();
        if (_restsUntil > now || (++_misses < 2 && asked is null))
        {
            return EndpointTurn.None;
        }

        var usual = ++_rests == 1 ? firstRest : restAfter(_rests - 1);
        usual = usual > LongestRest ? LongestRest : usual < firstRest ? firstRest : usual;
        _restsUntil = now + (asked > usual ? asked.Value : usual);
        return _rests == 1 ? EndpointTurn.Failed : EndpointTurn.None;
    }
}

internal enum EndpointTurn
{
    None,

    /// <summary>It fails now.</summary>
    Failed,

    /// <summary>It failed for a while, and takes events again.</summary>
    Recovered,
}
