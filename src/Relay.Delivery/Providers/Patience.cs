using Relay.Delivery.Scheduling;

namespace Relay.Delivery.Providers;

/// <summary>
/// How a receiver is left alone as a whole: until when, how often in a row, and who of its domains refuses us. The provider's lock
/// guards what changes; whoever only asks needs no lock.
/// </summary>
internal sealed class Patience(TimeProvider time, Func<int, TimeSpan> restAfter)
{
    // Two may share an owner, or a list that is not their provider's.
    private const int DomainsToRest = 3;

    private readonly HashSet<string> _refusedBy = new(StringComparer.Ordinal);
    private volatile Rest? _rest;
    private int _rests;

    /// <summary>Left alone until then; the past when it is not.</summary>
    public DateTimeOffset RestUntil => _rest?.Until ?? default;

    public bool IsResting => time.GetUtcNow() < RestUntil;

    /// <summary>It was left alone, and has not answered since.</summary>
    public bool IsProbing => Volatile.Read(ref _rests) > 0;

    /// <summary>What it said when it was left alone last, for whoever runs the relay; null when that is over.</summary>
    public string? Words => _rest?.Words;

    /// <summary>Why nothing is tried now, for all who have mail for it; null when it may be.</summary>
    public Excuse? Excuse => _rest is { } rest && time.GetUtcNow() < rest.Until
        ? new Excuse($"left alone until {rest.Until:HH:mm:ss} UTC, since it answered {rest.ForOthers}", DeliveryRules.LeftAlone, rest.Until)
        : null;

    /// <summary>It is left alone from now on.</summary>
    /// <param name="words">As they were said: they may name whose mail it was.</param>
    /// <param name="forOthers">What of them is nobody's secret.</param>
    /// <param name="wait">How long it wants to be; null where it did not say.</param>
    public void BeginRest(string words, string forOthers, TimeSpan? wait, DateTimeOffset now)
    {
        var usual = restAfter(++_rests);
        _rest = new Rest(now + (wait > usual ? wait.Value : usual), words, forOthers);
    }

    /// <summary>It answered. True when that is the first answer after a rest.</summary>
    /// <param name="wasTaken">Somebody's mail was.</param>
    public bool Answered(bool wasTaken, DateTimeOffset now)
    {
        // What was under way when it asked for its pause does not end it.
        var wasProbing = _rests > 0 && now >= RestUntil;
        if (wasProbing)
        {
            (_rests, _rest) = (0, null);
        }

        if (wasTaken)
        {
            _refusedBy.Clear();
        }

        return wasProbing;
    }

    /// <summary>
    /// A domain refuses us for good, for what is thought of us. True when it is the receiver who does: so many of its domains in
    /// a row, and none of them took anything meanwhile. One alone may have reasons of its own.
    /// </summary>
    public bool IsRefusedBy(string domain)
    {
        _refusedBy.Add(domain);
        return _refusedBy.Count >= DomainsToRest;
    }

    /// <summary>Somebody knows better: the rest is over.</summary>
    public void EndRest() => _rest = null;

    private sealed record Rest(DateTimeOffset Until, string Words, string ForOthers);
}
