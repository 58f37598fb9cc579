namespace Relay.Intake.Smtp;

/// <summary>
/// How much strangers may put into the store in an account's name, minute by minute: for a moment at the turn of two minutes
/// it may be twice as much. A mail larger than all of it passes while nothing else has come.
/// </summary>
internal sealed class RoutedOctets(long perMinute, TimeProvider time)
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();

    // Of this minute: no more than the accounts that got mail in it.
    private readonly Dictionary<string, long> _taken = new(StringComparer.Ordinal);

    private long _since = time.GetTimestamp();

    /// <summary>The part of one mail, of which nothing is taken yet.</summary>
    public RoutedShare Open(string account) => new(this, account);

    public bool TryTake(RoutedShare share, long octets)
    {
        lock (_lock)
        {
            if (time.GetElapsedTime(_since) >= Minute)
            {
                _taken.Clear();
                _since = time.GetTimestamp();
            }

            var taken = _taken.GetValueOrDefault(share.Account);
            var own = share.Since == _since ? share.OfMinute : 0;
            if (taken > own && taken + octets > perMinute)
            {
                return false;
            }

            _taken[share.Account] = taken + octets;
            (share.Since, share.OfMinute) = (_since, own + octets);
            return true;
        }
    }

    public void GiveBack(RoutedShare share)
    {
        lock (_lock)
        {
            // What was taken in an earlier minute is over with that.
            if (share.Since == _since && _taken.TryGetValue(share.Account, out var taken))
            {
                _taken[share.Account] = taken - share.OfMinute;
                share.OfMinute = 0;
            }
        }
    }
}
