using Relay.Delivery.Providers;
using Relay.Mail.Queue;

namespace Relay.Delivery.Scheduling;

/// <summary>Lets one go after the other, each with a pause behind it. Who comes too early waits behind a gate that opens when the pause is over.</summary>
internal sealed class Pace(TimeProvider time, Gate gate, Action<Gate> open)
{
    private readonly Lock _lock = new();
    private long _went;
    private TimeSpan _pause;

    // It may outlive those who wait: it rings once at the most for nobody.
    private Alarm? _alarm;

    public bool MayGo
    {
        get
        {
            lock (_lock)
            {
                return LeftHoldingLock <= TimeSpan.Zero;
            }
        }
    }

    /// <summary>Whether one may go now.</summary>
    /// <param name="pause">Until the next may, if this one goes.</param>
    public bool TryGo(TimeSpan pause)
    {
        lock (_lock)
        {
            if (LeftHoldingLock is { Ticks: > 0 } left)
            {
                (_alarm ??= new Alarm(time, Ring)).Set(left);
                return false;
            }

            (_went, _pause) = (time.GetTimestamp(), pause);
            return true;
        }
    }

    private TimeSpan LeftHoldingLock => _pause - time.GetElapsedTime(_went);

    private void Ring()
    {
        lock (_lock)
        {
            _alarm!.Stopped();
        }

        open(gate);
    }
}
