namespace Relay.Delivery.Providers;

/// <summary>Lets so many messages pass in a time, evenly: what was saved up while nothing came is never more than a second's worth and one.</summary>
internal sealed class RateMeter
{
    private static readonly TimeSpan Saved = TimeSpan.FromSeconds(1);

    private double _tokens;
    private DateTimeOffset _counted;

    public Rate? Rate { get; private set; }

    /// <summary>From now on this many; null for as many as come.</summary>
    public void Set(Rate? rate, DateTimeOffset now)
    {
        // What was allowed before is not taken back, nor given twice; the time until now counts at the rate until now.
        Count(now);
        _tokens = Rate is null ? MostOf(rate) : Math.Min(_tokens, MostOf(rate));
        Rate = rate;
    }

    public bool TryTake(DateTimeOffset now)
    {
        if (Rate is null)
        {
            return true;
        }

        Count(now);
        if (_tokens < 1)
        {
            return false;
        }

        _tokens--;
        return true;
    }

    /// <summary>How long until one may pass; zero when it may now.</summary>
    public TimeSpan Wait(DateTimeOffset now)
    {
        if (Rate is not { } rate)
        {
            return TimeSpan.Zero;
        }

        Count(now);

        // Rounded up: where less than a tick is missing, a wait of zero would be told to somebody who then may not pass, and asks
        // again at once, over and over.
        return _tokens >= 1 ? TimeSpan.Zero : TimeSpan.FromTicks((long)Math.Ceiling((1 - _tokens) * rate.Time.Ticks / rate.Messages));
    }

    /// <summary>Nothing was sent lately: one that begins now would let as much pass.</summary>
    public bool IsFull(DateTimeOffset now)
    {
        Count(now);
        return _tokens >= MostOf(Rate);
    }

    private void Count(DateTimeOffset now)
    {
        // A clock that was set back gives nothing and takes nothing.
        if (Rate is { } rate && now > _counted && _counted != default)
        {
            _tokens = Math.Min(MostOf(rate), _tokens + ((now - _counted) / rate.Time * rate.Messages));
        }

        _counted = now;
    }

    private static double MostOf(Rate? rate) => rate is { } some ? 1 + (Saved / some.Time * some.Messages) : 1;
}
