using Relay.Mail.Queue;
using Relay.Mail.Suppressions;

namespace Relay.Delivery.Scheduling;

/// <summary>
/// Addresses that were suppressed lately. A unit may stand in line for a connection for minutes after it was looked at: where one
/// of its addresses came here since, it is looked at again before it is tried, and no other unit is.
/// </summary>
internal sealed class FreshSuppressions
{
    // Some hours of bounces. Beyond that the oldest are forgotten, and every unit that was looked at before the oldest that is left
    // is looked at again, since it might be concerned.
    private const int MaxKnown = 10_000;

    private readonly Lock _lock = new();
    private readonly Dictionary<(string Account, string Address), long> _known = [];
    private readonly Queue<((string Account, string Address) Key, long Number)> _order = new();
    private long _last;
    private long _unknownUntil;

    public FreshSuppressions(ISuppressionNews news)
    {
        news.Suppressed += Hear;
        news.Missed += Miss;
    }

    /// <summary>Read before a unit is looked at, and kept with it.</summary>
    public long Now => Volatile.Read(ref _last);

    /// <summary>Whether what was found about the unit then may not hold any more.</summary>
    public bool HasChanged(Lease lease, long since)
    {
        // Mostly nothing has come since: then this is all it costs.
        if (since == Volatile.Read(ref _last))
        {
            return false;
        }

        var message = lease.Message;
        lock (_lock)
        {
            return since < _unknownUntil
                || lease.Open.Any(i => _known.TryGetValue((message.Account, Suppression.KeyOf(message.Envelope.Recipients[i].Address)), out var number) && number > since);
        }
    }

    private void Hear(string account, IReadOnlyList<string> addresses)
    {
        lock (_lock)
        {
            foreach (var address in addresses)
            {
                var number = _last + 1;
                _known[(account, address)] = number;
                _order.Enqueue(((account, address), number));
                Volatile.Write(ref _last, number);
            }

            while (_order.Count > MaxKnown)
            {
                var (key, number) = _order.Dequeue();
                if (_known[key] == number)
                {
                    _known.Remove(key);
                    _unknownUntil = number;
                }
            }
        }
    }

    private void Miss()
    {
        lock (_lock)
        {
            _unknownUntil = _last + 1;
            Volatile.Write(ref _last, _unknownUntil);
        }
    }
}
