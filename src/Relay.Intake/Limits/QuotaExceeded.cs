using System.Globalization;
using Relay.Mail;

namespace Relay.Intake.Limits;

/// <summary>A quota that has no room for a message.</summary>
/// <param name="Of">Whose it is.</param>
/// <param name="Per"><c>day</c> or <c>month</c>.</param>
/// <param name="Resets">When the next one begins.</param>
public sealed record QuotaExceeded(LimitOwner Of, LimitPeriod Per, long Limit, long Used, DateTimeOffset Resets)
{
    public long Remaining => Math.Max(0, Limit - Used);

    /// <summary>For people, and the same at both doors.</summary>
    public string Words => string.Create(
        CultureInfo.InvariantCulture,
        $"the {Word.Of(Of)} has sent to {Used} of the {Limit} recipients it may a {Word.Of(Per)}; the next {Word.Of(Per)} begins at {Resets.UtcDateTime:yyyy-MM-dd HH:mm} UTC");
}

public enum LimitOwner
{
    Account,
    Key,
}

public enum LimitPeriod
{
    Second,
    Day,
    Month,
}
