using Relay.Mail.Accounts;

namespace Relay.Intake.Limits;

/// <summary>
/// What one account or one key has used, as this node sees it: what the store counted at the last look, and what went
/// through here since. Alone on the store it is exact. Other nodes are seen at the next look, which comes sooner the less is
/// left, and before each refusal.
/// </summary>
/// <remarks>
/// What was under way here when the store was looked at stands in its count or not: it is counted on top before more is taken,
/// and is not before anything is refused. In between it is waited for.
/// </remarks>
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

    // What was taken when the last look came back: whatever was taken later is not in the count.
    private long _takenAtLook;

    // For those who wait for something that is under way.
    private TaskCompletionSource? _ended;

    private long Unseen => _taken - _writtenAtLook;

    private long SurelyUnseen => Math.Max(0, _taken - _takenAtLook);

    private bool IsUnderWay => _taken > _written;

    /// <summary>Takes so many recipients; null when there was room, and then <see cref="End"/> must follow.</summary>
    public async ValueTask<QuotaExceeded?> TryTakeAsync(SendingLimits limits, int recipients, CancellationToken cancellation)
    {
        while (true)
        {
            long known;
            Task? ended = null;
            lock (_lock)
            {
                known = _looked;
                if (!IsDue(limits, out var isFresh))
                {
                    if (Exceeded(limits, recipients, Unseen) is null)
                    {
                        _taken += recipients;
                        return null;
                    }

                    if (isFresh && Exceeded(limits, recipients, SurelyUnseen) is { } exceeded)
                    {
                        return exceeded;
                    }

                    ended = isFresh && IsUnderWay ? (_ended ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task : null;
                }
            }

            if (ended is not null)
            {
                await ended.WaitAsync(cancellation);
            }

            await LookAsync(known, cancellation);
        }
    }

    public static DateTimeOffset EndOfDay(DateOnly day) => Midnight(day.AddDays(1));

    public static DateTimeOffset EndOfMonth(DateOnly day) => Midnight(new DateOnly(day.Year, day.Month, 1).AddMonths(1));

    /// <summary>What was taken is in the store now, or may be; or it is not.</summary>
    public void End(int recipients, bool isWritten)
    {
        TaskCompletionSource? ended;
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

            (ended, _ended) = (_ended, null);
        }

        ended?.SetResult();
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

    private QuotaExceeded? Exceeded(SendingLimits limits, int recipients, long unseen)
    {
        if (limits.PerMonth is { } month && _seen.Month + unseen + recipients > month)
        {
            return new QuotaExceeded(owner, LimitPeriod.Month, month, _seen.Month + unseen, EndOfMonth(_day));
        }

        return limits.PerDay is { } day && _seen.Day + unseen + recipients > day
            ? new QuotaExceeded(owner, LimitPeriod.Day, day, _seen.Day + unseen, EndOfDay(_day))
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
                (_day, _seen, _writtenAtLook, _takenAtLook) = (day, seen, written, _taken);
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
