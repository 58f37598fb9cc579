using Relay.Mail.Events;
using Relay.Mail.Messages;

namespace Relay.TestKit.InMemory;

/// <summary>What happened to messages, in memory; the queue writes it.</summary>
public sealed class InMemoryActivity : IActivityReader, IStatisticsReader
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<MessageId, List<MailEvent>> _messages = [];
    private readonly List<MailEvent> _all = [];

    /// <summary>Every event in the order in which it happened, over all messages.</summary>
    public IReadOnlyList<MailEvent> Events
    {
        get
        {
            lock (_lock)
            {
                return [.. _all];
            }
        }
    }

    public void Add(MailEvent happened)
    {
        lock (_lock)
        {
            _all.Add(happened);
            if (!_messages.TryGetValue(happened.Message, out var events))
            {
                _messages[happened.Message] = events = [];
            }

            events.Add(happened);
        }
    }

    /// <summary>The message, whosever it is.</summary>
    public MessageActivity? Find(MessageId id)
    {
        lock (_lock)
        {
            return _messages.TryGetValue(id, out var events) && events[0].Summary is not null ? ActivityOf(id, events) : null;
        }
    }

    public ValueTask<MessageActivity?> FindAsync(string account, MessageId id, CancellationToken cancellation)
    {
        lock (_lock)
        {
            return ValueTask.FromResult(
                _messages.TryGetValue(id, out var events) && events[0].Account == account ? ActivityOf(id, events) : null);
        }
    }

    public ValueTask<IReadOnlyList<MessageActivity>> ListAsync(string account, MessageId? before, int limit, CancellationToken cancellation)
    {
        lock (_lock)
        {
            IReadOnlyList<MessageActivity> page =
            [
                .. _messages.Reverse()
                    .Where(m => m.Value[0].Account == account && (before is not { } bound || m.Key.CompareTo(bound) < 0))
                    .Take(limit)
                    .Select(m => ActivityOf(m.Key, m.Value)),
            ];
            return ValueTask.FromResult(page);
        }
    }

    public ValueTask<IReadOnlyList<DayStatistics>> ReadAsync(string account, DateOnly from, DateOnly to, CancellationToken cancellation)
    {
        IReadOnlyList<DayStatistics> days =
        [
            .. Events.Where(e => e.Account == account)
                .GroupBy(e => DateOnly.FromDateTime(e.Time.UtcDateTime))
                .Where(day => day.Key >= from && day.Key <= to)
                .OrderBy(day => day.Key)
                .Select(day => new DayStatistics(day.Key, day.CountBy(e => e.Type).ToDictionary(c => c.Key, c => (long)c.Value))),
        ];
        return ValueTask.FromResult(days);
    }

    private static MessageActivity ActivityOf(MessageId id, List<MailEvent> events) => new(id, events[0].Summary!, [.. events]);
}
