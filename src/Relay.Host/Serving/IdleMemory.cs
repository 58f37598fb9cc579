namespace Relay.Host.Serving;

/// <summary>
/// Gives memory back to the system when a burst of mail is over. The collector looks only when more is asked for, so that a
/// relay without mail would hold for good what its busiest minute took.
/// </summary>
internal sealed class IdleMemory(TimeProvider time, Func<long> allocated, Action giveBack) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    // In octets an interval: twenty small mails a second. A relay that has none needs a tenth of it for itself.
    private const long Idle = 8_000_000;

    // In octets since the last time: with less there is little to give back.
    private const long WorthAPause = 64_000_000;

    private long _seen;
    private long _givenBackAt;

    public IdleMemory(TimeProvider time)
        : this(time, () => GC.GetTotalAllocatedBytes(), Collect)
    {
    }

    /// <summary>One look, to be made in equal intervals.</summary>
    public void Look()
    {
        var now = allocated();
        var isIdle = now - _seen < Idle;
        _seen = now;
        if (isIdle && now - _givenBackAt > WorthAPause)
        {
            giveBack();
            _givenBackAt = now;
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                Look();
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The relay stops.
        }
    }

    // Nobody waits meanwhile: some tens of milliseconds for what a relay has in use, a few hundred with 200,000 lanes.
    private static void Collect() => GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
}
