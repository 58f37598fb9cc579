namespace Relay.Mail.Events;

/// <summary>How much happened, by account, day and kind of event. An event is counted once, in the step that takes it from the outbox.</summary>
public interface IStatisticsReader
{
    /// <summary>An account's days from <paramref name="from"/> to <paramref name="to"/>, both included, in order; days without an event are left out.</summary>
    ValueTask<IReadOnlyList<DayStatistics>> ReadAsync(string account, DateOnly from, DateOnly to, CancellationToken cancellation);
}

/// <param name="Day">By UTC.</param>
/// <param name="Events">By kind; <see cref="MailEventType.Accepted"/>, <see cref="MailEventType.Scheduled"/> and <see cref="MailEventType.Cancelled"/> count messages, what is told of a recipient counts recipients.</param>
public sealed record DayStatistics(DateOnly Day, IReadOnlyDictionary<MailEventType, long> Events);
