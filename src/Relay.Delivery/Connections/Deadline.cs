namespace Relay.Delivery.Connections;

/// <summary>
/// Ends a wait on a connection by closing its socket. One timer for a connection's whole life: a token for each read would
/// cost a timer and registrations for each message.
/// </summary>
internal sealed class Deadline : IDisposable
{
    private const int Idle = 0;
    private const int Armed = 1;
    private const int Over = 2;

    private readonly Action _expired;
    private readonly ITimer _timer;
    private int _state;

    public Deadline(TimeProvider time, Action expired)
    {
        _expired = expired;
        _timer = time.CreateTimer(static deadline => ((Deadline)deadline!).Expire(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public bool HasExpired => Volatile.Read(ref _state) == Over;

    public void Arm(TimeSpan timeout)
    {
        if (Interlocked.CompareExchange(ref _state, Armed, Idle) == Idle)
        {
            _timer.Change(timeout, Timeout.InfiniteTimeSpan);
        }
    }

    public void Disarm()
    {
        if (Interlocked.CompareExchange(ref _state, Idle, Armed) == Armed)
        {
            _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }

    public void Dispose() => _timer.Dispose();

    // A wait that ended a moment ago has disarmed us; then there is nothing left to end.
    private void Expire()
    {
        if (Interlocked.CompareExchange(ref _state, Over, Armed) == Armed)
        {
            _expired();
        }
    }
}
