using Relay.Mail.Accounts;
using Relay.Redis.Connections;
using StackExchange.Redis;

namespace Relay.Redis.Usage;

/// <summary>Adds up what the partitions have counted. Asks for the fields of one sender, so that an account with thousands of keys costs no more.</summary>
internal sealed class RedisUsageReader(Store store) : IUsageReader
{
    public async ValueTask<UsedUp> ReadAsync(string account, string? credential, DateOnly day, CancellationToken cancellation)
    {
        var first = new DateOnly(day.Year, day.Month, 1);
        RedisValue[] fields = [.. Enumerable.Range(0, DateTime.DaysInMonth(day.Year, day.Month)).Select(n => UsageStep.FieldOf(first.AddDays(n), credential))];
        var parts = await StoreFailure.TranslateAsync(
            Task.WhenAll(store.Partitions.Select(p => store.Connections.Reading.HashGetAsync(p.Keys.Used(account, day), fields, StoreConnections.FromPrimary))),
            cancellation);
        return new UsedUp(parts.Sum(part => (long)part[day.Day - 1]), parts.Sum(part => part.Sum(value => (long)value)));
    }
}
