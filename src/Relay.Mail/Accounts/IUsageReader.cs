using Relay.Mail.Messages;

namespace Relay.Mail.Accounts;

/// <summary>
/// What was accepted so far, over all nodes. It is counted in the step that accepts, so that no crash parts the two: a
/// message that is in the queue is in the count.
/// </summary>
public interface IUsageReader
{
    /// <param name="credential">By its id; null for all of the account.</param>
    /// <param name="day">Of UTC; it names the month too.</param>
    /// <remarks>May throw <see cref="Queue.StoreUnavailableException"/>.</remarks>
    ValueTask<UsedUp> ReadAsync(string account, string? credential, DateOnly day, CancellationToken cancellation);
}

/// <summary>Recipients of accepted mail.</summary>
public readonly record struct UsedUp(long Day, long Month)
{
    /// <summary>What a message counts. Test mail never leaves, and reports are ours.</summary>
    public static int By(Message message) =>
        message.Mode == MessageMode.Live && message.Source is not (MessageSource.Report or MessageSource.Inbound) ? message.Envelope.Recipients.Count : 0;

    /// <summary>The day it counts to.</summary>
    public static DateOnly DayOf(Message message) => DateOnly.FromDateTime(message.AcceptedAt.UtcDateTime);
}
