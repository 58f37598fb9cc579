namespace Relay.Intake.Smtp;

/// <summary>
/// How much strangers may put into the queue in an account's name, minute by minute: for a moment at the turn of two minutes
/// it may be twice as much. A mail larger than all of it passes when it is the first.
/// </summary>
internal sealed class RoutedOctets(long perMinute, TimeProvider time)
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();

    // Of this minute: no more than the accounts that got mail in it.
    private readonly Dictionary<string, long> _taken = new(StringComparer.Ordinal);

    private long _since = time.GetTimestamp();

    public bool TryTake(string account, long octets)
    {
        lock (_lock)
        {
            if (time.GetElapsedTime(_since) >= Minute)
            {
                _taken.Clear();
                _since = time.GetTimestamp();
            }

            var taken = _taken.GetValueOrDefault(account);
            if (taken > 0 && taken + octets > perMinute)
            {
                return false;
            }

            _taken[account] = taken + octets;
            return true;
        }
    }
}
