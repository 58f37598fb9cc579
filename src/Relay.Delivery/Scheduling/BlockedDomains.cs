using Relay.Delivery.Sending;

namespace Relay.Delivery.Scheduling;

/// <summary>
/// Domains that refuse mail for what is thought of us, each at the site that serves it. Such a domain is left alone for a while:
/// its mail is told so without being tried, and what the same hosts take for others goes on.
/// </summary>
internal sealed class BlockedDomains(RetrySchedule schedule, TimeProvider time)
{
    // Who has been let off a list should not wait longer for our next try.
    private static readonly TimeSpan LongestRest = TimeSpan.FromHours(1);

    // More than refuse anybody at a time who can still send mail; then they are found out anew.
    private const int MaxKnown = 10_000;

    private readonly Lock _lock = new();
    private readonly Dictionary<(string Site, string Domain), Block> _known = [];
    private volatile bool _any;

    /// <summary>False when it is left alone already: what was under way then tells nothing new.</summary>
    /// <param name="words">For all who have mail for it.</param>
    /// <param name="wait">How long it wants to be left alone; null where it did not say.</param>
    public bool Refused(string site, string domain, string words, TimeSpan? wait)
    {
        lock (_lock)
        {
            var now = time.GetUtcNow();
            var rests = 1;
            if (_known.TryGetValue((site, domain), out var before))
            {
                if (now < before.Until)
                {
                    return false;
                }

                rests = before.Rests + 1;
            }
            else if (_known.Count >= MaxKnown)
            {
                _known.Clear();
            }

            var usual = schedule.DelayAfter(rests);
            var rest = usual < LongestRest ? usual : LongestRest;
            _known[(site, domain)] = new Block(now + (wait > rest ? wait.Value : rest), rests, words);
            _any = true;
            return true;
        }
    }

    /// <summary>It has taken a message: whatever it thought is over.</summary>
    public void Took(string site, string domain)
    {
        // Asked for each message.
        if (_any)
        {
            lock (_lock)
            {
                _known.Remove((site, domain));
                _any = _known.Count > 0;
            }
        }
    }

    /// <summary>Why its mail is not tried now; null when it may be.</summary>
    public Excuse? ExcuseFor(string site, string domain)
    {
        if (!_any)
        {
            return null;
        }

        lock (_lock)
        {
            return _known.TryGetValue((site, domain), out var block) && time.GetUtcNow() < block.Until
                ? new Excuse($"{domain} is left alone until {block.Until:HH:mm:ss} UTC, since it answered {block.Words}", DeliveryRules.DomainLeftAlone, block.Until)
                : null;
        }
    }

    /// <summary>Somebody knows better.</summary>
    public void Forget(string domain)
    {
        lock (_lock)
        {
            foreach (var key in _known.Keys.Where(key => key.Domain == domain).ToList())
            {
                _known.Remove(key);
            }

            _any = _known.Count > 0;
        }
    }

    private sealed record Block(DateTimeOffset Until, int Rests, string Words);
}
