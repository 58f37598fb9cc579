using System.Globalization;
using Relay.Mail.Events;
using Relay.Redis.Keys;
using Relay.Redis.Records;
using StackExchange.Redis;

namespace Relay.Redis.Statistics;

/// <summary>Sums the events of one projecting step, so that each counter is written once however many there are.</summary>
internal sealed class Tally
{
    // A year and the month it began in can be compared with the year before.
    private static readonly TimeSpan Kept = TimeSpan.FromDays(400);

    private readonly Dictionary<(string Account, DateOnly Day, MailEventType Type), long> _counts = [];

    public void Add(EventRecord happened, MailEventType type, DateTimeOffset time)
    {
        var counter = (happened.Account, DateOnly.FromDateTime(time.UtcDateTime), type);
        _counts[counter] = _counts.GetValueOrDefault(counter) + 1;
    }

    public void AddTo(IDatabaseAsync step, PartitionKeys keys)
    {
        foreach (var month in _counts.GroupBy(c => keys.Statistics(c.Key.Account, c.Key.Day)))
        {
            foreach (var ((_, day, type), count) in month)
            {
                step.HashIncrementAsync(month.Key, FieldOf(day, type), count, CommandFlags.FireAndForget);
            }

            step.KeyExpireAsync(month.Key, Kept, CommandFlags.FireAndForget);
        }
    }

    /// <summary>The day of the month and the event, such as <c>07 delivered</c>.</summary>
    public static bool TryReadField(RedisValue field, DateOnly month, out DateOnly day, out MailEventType type)
    {
        (day, type) = (default, default);
        return field.ToString().Split(' ') is [var number, var word]
            && int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var d)
            && DateOnly.TryParseExact($"{month:yyyy-MM}-{d:00}", "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out day)
            && Enum.TryParse(word, ignoreCase: true, out type);
    }

    private static RedisValue FieldOf(DateOnly day, MailEventType type) =>
        string.Create(CultureInfo.InvariantCulture, $"{day.Day:00} {type.ToString().ToLowerInvariant()}");
}
