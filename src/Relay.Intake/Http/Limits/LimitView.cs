using Relay.Intake.Limits;
using Relay.Mail;

namespace Relay.Intake.Http.Limits;

/// <summary>One limit and how much of it is gone. What has no limit is counted all the same.</summary>
internal sealed record LimitView
{
    /// <summary><c>account</c> or <c>key</c>.</summary>
    public required string Of { get; init; }

    /// <summary><c>second</c>, <c>day</c> or <c>month</c>.</summary>
    public required string Per { get; init; }

    /// <summary><c>messages</c> or <c>recipients</c>.</summary>
    public required string Counts { get; init; }

    /// <summary>What happens beyond it: <c>waits</c> in the queue, or is <c>refused</c>.</summary>
    public required string Beyond { get; init; }

    /// <summary>Left out where there is none.</summary>
    public double? Limit { get; init; }

    public long? Used { get; init; }
    public double? Remaining { get; init; }
    public DateTimeOffset? Resets { get; init; }

    public static LimitView Exceeded(QuotaExceeded quota) => Quota(quota.Of, quota.Per, quota.Limit, quota.Used, quota.Resets);

    public static LimitView Rate(LimitOwner owner, double perSecond) => new()
    {
        Of = Word.Of(owner),
        Per = Word.Of(LimitPeriod.Second),
        Counts = "messages",
        Beyond = "waits",
        Limit = perSecond,
    };

    public static LimitView Quota(LimitOwner owner, LimitPeriod period, long? limit, long used, DateTimeOffset resets) => new()
    {
        Of = Word.Of(owner),
        Per = Word.Of(period),
        Counts = "recipients",
        Beyond = "refused",
        Limit = limit,
        Used = used,
        Remaining = limit is { } most ? Math.Max(0, most - used) : null,
        Resets = resets,
    };
}
