namespace Relay.Delivery.Providers;

/// <summary>
/// Rings once, at the earliest of the times it was set to since it rang last, but after an hour at the latest: a timer counts no
/// more than some weeks, and whoever is woken looks anyway whether he may go on. Its owner's lock guards it.
/// </summary>
internal sealed class Alarm(TimeProvider time, Action ring) : IDisposable
{
    private static readonly TimeSpan Longest = TimeSpan.FromHours(1);

    private ITimer? _timer;
    private DateTimeOffset _at = DateTimeOffset.MaxValue;

    public void Set(DateTimeOffset at) => Set(at - time.GetUtcNow());

    public void Set(TimeSpan wait)
    {
        wait = wait < Longest ? wait : Longest;
        var at = time.GetUtcNow() + wait;
        if (at >= _at)
        {
            return;
        }

        _at = at;
        _timer ??= time.CreateTimer(static alarm => ((Alarm)alarm!).Ring(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

        // A timer counts in milliseconds: part of one less, and it would turn in a circle until that is over.
        _timer.Change(TimeSpan.FromMilliseconds(Math.Max(0, Math.Ceiling(wait.TotalMilliseconds))), Timeout.InfiniteTimeSpan);
    }

    /// <summary>It has rung, and may be set again.</summary>
    public void Stopped() => _at = DateTimeOffset.MaxValue;

    public void Dispose() => _timer?.Dispose();

    private void Ring() => ring();
}
