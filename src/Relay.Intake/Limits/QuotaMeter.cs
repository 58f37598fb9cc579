using Relay.Mail.Accounts;

namespace Relay.Intake.Limits;

/// <summary>
/// What one account or one key has used, as this node sees it: what the store counted at the last look, and what went
/// through here since. Alone on the store it is exact. Other nodes are seen at the next look, which comes sooner the less is
/// left, and before each refusal.
/// </summary>
internal sealed class QuotaMeter(LimitOwner owner, Func<DateOnly, CancellationToken, ValueTask<UsedUp>> look, TimeProvider time)
{
    // While nine parts in ten are far, others may be seen late; this is what bounds an overrun in time.
    private static readonly TimeSpan FarLook = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan NearLook = TimeSpan.FromSeconds(1);
    private const int NearPart = 10;

    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _looking = new(1);
    private DateOnly _day;
    private UsedUp _seen;
    private long _looked;

    // Taken here and not yet known to be in the store's count: what was taken, less what was known to be written when the last
    // look began.
    private long _taken;
    private long _written;
    private long _writtenAtLook;

    private long Unseen => _taken - _writtenAtLook;

    /// <summary>Takes so many recipients; null when there was room, and then <see cref="End"/> must follow.</summary>
    public async ValueTask<QuotaExceeded?> TryTakeAsync(SendingLimits limits, int recipients, CancellationToken cancellation)
    {
        while (true)
        {
            long known;
            lock (_lock)
            {
                known = _looked;
                if (!IsDue(limits, out var isFresh))
                {
                    var exceeded = Exceeded(limits, recipients);
                    if (exceeded is null)
                    {
                        _taken += recipients;
                        return null;
                    }

                    if (isFresh)
                    {
                        return exceeded;
                    }
                }
            }

            await LookAsync(known, cancellation);
        }
    }

    public static DateTimeOffset EndOfDay(DateOnly day) => Midnight(day.AddDays(1));

    public static DateTimeOffset EndOfMonth(DateOnly day) => Midnight(new DateOnly(day.Year, day.Month, 1).AddMonths(1));

    /// <summary>What was taken is in the store now, or may be; or it is not.</summary>
    public void End(int recipients, bool isWritten)
    {
        lock (_lock)
        {
            if (isWritten)
            {
                _written += recipients;
            }
            else
            {
                _taken -= recipients;
            }
        }
    }

    private bool IsDue(SendingLimits limits, out bool isFresh)
    {
        var age = time.GetElapsedTime(_looked);
        isFresh = age < NearLook;
        return _looked == 0 || _day != Today || (!isFresh && (age >= FarLook || IsNear(limits)));
    }

    private bool IsNear(SendingLimits limits) =>
        IsNear(limits.PerDay, _seen.Day) || IsNear(limits.PerMonth, _seen.Month);

    // Near the end, or a tenth of it gone through here unseen by the others.
    private bool IsNear(long? limit, long seen) =>
        limit is { } most && (Unseen > most / NearPart || seen + Unseen >= most - (most / NearPart));

    private QuotaExceeded? Exceeded(SendingLimits limits, int recipients)
    {
        if (limits.PerMonth is { } month && _seen.Month + Unseen + recipients > month)
        {
            return new QuotaExceeded(owner, LimitPeriod.Month, month, _seen.Month + Unseen, EndOfMonth(_day));
        }

        return limits.PerDay is { } day && _seen.Day + Unseen + recipients > day
            ? new QuotaExceeded(owner, LimitPeriod.Day, day, _seen.Day + Unseen, EndOfDay(_day))
            : null;
    }

    private async ValueTask LookAsync(long known, CancellationToken cancellation)
    {
        await _looking.WaitAsync(cancellation);
        try
        {
            long written;
            lock (_lock)
            {
                if (_looked != known)
                {
                    // Another has looked meanwhile.
                    return;
                }

                written = _written;
            }

            var day = Today;
            var seen = await look(day, cancellation);
            lock (_lock)
            {
                (_day, _seen, _writtenAtLook) = (day, seen, written);
                _looked = Math.Max(1, time.GetTimestamp());
            }
        }
        finally
        {
            _looking.Release();
        }
    }

    private DateOnly Today => DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);

    private static DateTimeOffset Midnight(DateOnly day) => new(day.ToDateTime(TimeOnly.MinValue), TimeSpan.Zero);
}
