using System.Net;
using Microsoft.Extensions.Options;

namespace Relay.Intake.Admission;

/// <summary>
/// Holds failed logins down, by address, by credential and in all (ops/decisions/0021). It is asked only after a key was found
/// wrong: whoever has a right one is never kept out, not even from the address that others guess from. Each node counts for
/// itself.
/// </summary>
internal sealed class LoginThrottle(IOptions<LoginOptions> options, TimeProvider time)
{
    // Some hundred octets each. What is forgotten beyond it is forgiven; the count of all goes on.
    private const int Capacity = 20_000;

    private readonly FailureCount<IPAddress> _byAddress = new(options.Value.FailuresPerAddress, options.Value.Window, Capacity);
    private readonly FailureCount<string> _byCredential = new(options.Value.FailuresPerKey, options.Value.Window, Capacity);
    private readonly FailureCount<bool> _inAll = new(options.Value.FailuresInAll, options.Value.Window, 2);
    private readonly Lock _lock = new();

    /// <summary>Counts a failure. Null when it is answered as one; else how long its sender should wait.</summary>
    /// <param name="credential">The one it was about, where that is known.</param>
    public TimeSpan? Fail(IPAddress? from, string? credential)
    {
        lock (_lock)
        {
            var now = time.GetTimestamp();
            var waits = new[]
            {
                from is null ? null : _byAddress.Add(ClientOrigin.Of(from), now, time),
                credential is null ? null : _byCredential.Add(credential, now, time),
                _inAll.Add(true, now, time),
            };
            return waits.Max();
        }
    }
}

/// <summary>Failures by who caused them; they are forgiven evenly, all of them within a window.</summary>
internal sealed class FailureCount<TKey>(int most, TimeSpan window, int capacity)
    where TKey : notnull
{
    private readonly TimeSpan _forgiven = window / most;

    // Two halves: when the young one is full the old one goes, and whoever fails on moves from old to young.
    private Dictionary<TKey, (double Failures, long Counted)> _young = [];
    private Dictionary<TKey, (double Failures, long Counted)> _old = [];

    public int Count => _young.Count + _old.Count;

    /// <summary>Null while there are not too many; else how long until there would not be.</summary>
    public TimeSpan? Add(TKey key, long now, TimeProvider time)
    {
        var failures = 0.0;
        if (_young.TryGetValue(key, out var known) || _old.Remove(key, out known))
        {
            failures = Math.Max(0, known.Failures - (time.GetElapsedTime(known.Counted, now) / _forgiven));
        }
        else if (_young.Count >= capacity / 2)
        {
            (_old, _young) = (_young, []);
        }

        // One too many is as bad as a thousand and counts no further: whoever stops is forgiven soon.
        var over = failures + 1 - most;
        _young[key] = (over > 0 ? failures : failures + 1, now);
        return over > 0 ? over * _forgiven : null;
    }
}
