namespace Relay.Delivery.Providers;

/// <summary>Rings once, at the earliest of the times it was set to since it rang last. The provider's lock guards it.</summary>
internal sealed class Alarm(TimeProvider time, Action ring) : IDisposable
{
    private ITimer? _timer;
    private DateTimeOffset _at = DateTimeOffset.MaxValue;

    public void Set(DateTimeOffset at)
    {
        if (at >= _at)
        {
            return;
        }

        _at = at;
        _timer ??= time.CreateTimer(static alarm => ((Alarm)alarm!).Ring(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

        // A timer counts in milliseconds: part of one less, and it would turn in a circle until that is over.
        var wait = Math.Ceiling((at - time.GetUtcNow()).TotalMilliseconds);
        _timer.Change(TimeSpan.FromMilliseconds(Math.Max(0, wait)), Timeout.InfiniteTimeSpan);
    }

    /// <summary>It has rung, and may be set again.</summary>
    public void Stopped() => _at = DateTimeOffset.MaxValue;

    public void Dispose() => _timer?.Dispose();

    private void Ring() => ring();
}
