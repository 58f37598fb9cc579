using Relay.Mail.Events;
using Relay.Redis.Connections;
using StackExchange.Redis;

namespace Relay.Redis.Statistics;

/// <summary>Adds up an account's counters over the partitions.</summary>
internal sealed class RedisStatisticsReader(Store store) : IStatisticsReader
{
    public async ValueTask<IReadOnlyList<DayStatistics>> ReadAsync(string account, DateOnly from, DateOnly to, CancellationToken cancellation)
    {
        var days = new SortedDictionary<DateOnly, Dictionary<MailEventType, long>>();
        var first = new DateOnly(from.Year, from.Month, 1);
        var months = (12 * (to.Year - from.Year)) + to.Month - from.Month;
        for (var i = 0; i <= months; i++)
        {
            var month = first.AddMonths(i);
            var parts = await StoreFailure.TranslateAsync(
                Task.WhenAll(store.Partitions.Select(p => store.Connections.Reading.HashGetAllAsync(p.Keys.Statistics(account, month)))), cancellation);
            foreach (var counter in parts.SelectMany(part => part))
            {
                if (Tally.TryReadField(counter.Name, month, out var day, out var type) && day >= from && day <= to)
                {
                    Add(days, day, type, (long)counter.Value);
                }
            }
        }

        return [.. days.Select(day => new DayStatistics(day.Key, day.Value))];
    }

    private static void Add(SortedDictionary<DateOnly, Dictionary<MailEventType, long>> days, DateOnly day, MailEventType type, long count)
    {
        if (!days.TryGetValue(day, out var events))
        {
            days[day] = events = [];
        }

        events[type] = events.GetValueOrDefault(type) + count;
    }
}
