using Microsoft.Extensions.Options;
using Relay.Mail.Messages;

namespace Relay.Delivery.Sending;

/// <summary>When a deferred unit is due again: a pure function of its attempts, its expiry, the time and a lot.</summary>
internal sealed class RetrySchedule(IOptions<DeliveryOptions> options)
{
    /// <summary>Quick at first, since greylisting and a restart pass within minutes; then seldom (RFC 5321, 4.5.4.1).</summary>
    public static readonly TimeSpan[] Default =
    [
        TimeSpan.FromSeconds(30),
        TimeSpan.FromMinutes(1),
        TimeSpan.FromMinutes(2),
        TimeSpan.FromMinutes(5),
        TimeSpan.FromMinutes(10),
        TimeSpan.FromMinutes(20),
        TimeSpan.FromMinutes(40),
        TimeSpan.FromHours(1),
        TimeSpan.FromHours(2),
        TimeSpan.FromHours(4),
    ];

    // A relay that was off for longer than the expiry, or whose clock jumped, still tries a few times before it gives up.
    private const int FewestAttempts = 3;

    // Later than planned, never sooner: what failed together does not come back together.
    private const double Jitter = 0.1;

    private readonly TimeSpan[] _delays = options.Value.Retry.Schedule is { Length: > 0 } schedule ? schedule : Default;

    /// <summary>The delay after so many failures, at least 1, without its jitter.</summary>
    public TimeSpan DelayAfter(int failures) => _delays[Math.Min(failures, _delays.Length) - 1];

    /// <summary>The same with its jitter.</summary>
    /// <param name="lot">From 0 to 1.</param>
    public TimeSpan DelayAfter(int failures, double lot) => Spread(DelayAfter(failures), lot);

    /// <summary>Null when the message is given up. The last attempt is brought forward so that it falls before the expiry.</summary>
    /// <param name="attempts">Made so far, at least 1.</param>
    /// <param name="wait">The remote wants no attempt before this has passed; null where it did not say.</param>
    /// <param name="lot">From 0 to 1.</param>
    public DateTimeOffset? NextAttempt(Message message, int attempts, DateTimeOffset now, TimeSpan? wait, double lot)
    {
        var usual = DelayAfter(attempts);
        var next = now + Spread(wait > usual ? wait.Value : usual, lot);
        var expiry = ExpiryOf(message);
        if (next < expiry || (message.ExpiresAt is null && attempts < FewestAttempts))
        {
            return next;
        }

        var lastChance = expiry - _delays[0];
        return lastChance >= now + _delays[0] ? lastChance : null;
    }

    /// <summary>The message names a time of its own, and it is over: no attempt may be made any more.</summary>
    public static bool IsTooLate(Message message, DateTimeOffset now) => message.ExpiresAt <= now;

    /// <summary>Its time is over, so that nothing excuses it from being tried or given up any more.</summary>
    public bool IsOverdue(Message message, DateTimeOffset now) => ExpiryOf(message) <= now;

    private static TimeSpan Spread(TimeSpan delay, double lot) => delay * (1 + (Jitter * lot));

    private DateTimeOffset ExpiryOf(Message message) => message.ExpiresAt ?? message.DueAt + options.Value.Retry.Expiry;
}
