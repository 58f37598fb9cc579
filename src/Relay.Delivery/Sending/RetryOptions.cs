using System.ComponentModel.DataAnnotations;

namespace Relay.Delivery.Sending;

/// <summary>When a deferred message is tried again, and when it is given up.</summary>
public sealed class RetryOptions
{
    /// <summary>Delays between attempts; the last one repeats. Empty takes <see cref="RetrySchedule.Default"/>.</summary>
    // Empty rather than the default itself: a configured list would be appended to what stands here.
    public TimeSpan[] Schedule { get; set; } = [];

    /// <summary>Counted from when the message was due for the first time. A message may name its own time instead.</summary>
    // RFC 5321, 4.5.4.1: the give-up time should be at least four to five days.
    [Range(typeof(TimeSpan), "00:00:01", "30.00:00:00")]
    public TimeSpan Expiry { get; set; } = TimeSpan.FromDays(4);

    /// <summary>How long an event is offered to a webhook, counted from when it first could be.</summary>
    // As the mail of a route is: a weekend, and a day to notice it.
    [Range(typeof(TimeSpan), "00:00:01", "30.00:00:00")]
    public TimeSpan EventExpiry { get; set; } = TimeSpan.FromDays(3);
}
