using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis.Connections;
using Relay.Redis.Keys;
using Relay.Redis.Records;
using StackExchange.Redis;

namespace Relay.Redis.Administration;

/// <summary>Units as they stand in lanes, without their records.</summary>
internal static class UnitEntries
{
    public static async Task<IReadOnlyList<(UnitId Id, Lane Lane, long Due)>> OfLaneAsync(
        IDatabase database, PartitionKeys keys, Lane lane, int skip, int take) =>
        Parse(lane, await database.SortedSetRangeByRankWithScoresAsync(keys.Lane(lane), skip, skip + take - 1).InTimeAsync());

    public static async Task<IReadOnlyList<(UnitId Id, Lane Lane, long Due)>> DueAtAsync(
        IDatabase database, PartitionKeys keys, Lane lane, long due) =>
        Parse(lane, await database.SortedSetRangeByScoreWithScoresAsync(keys.Lane(lane), due, due).InTimeAsync());

    /// <summary>Those due later than a time, in order.</summary>
    public static async Task<IReadOnlyList<(UnitId Id, Lane Lane, long Due)>> PutOffAsync(
        IDatabase database, PartitionKeys keys, Lane lane, long now, int skip, int take) =>
        Parse(lane, await database.SortedSetRangeByScoreWithScoresAsync(keys.Lane(lane), now, exclude: Exclude.Start, skip: skip, take: take).InTimeAsync());

    /// <summary>Empty when the message is not there, or all of it ended.</summary>
    public static async Task<IReadOnlyList<(UnitId Id, Lane Lane, long Due)>> OfMessageAsync(IDatabase database, PartitionKeys keys, MessageId id)
    {
        var record = await database.StringGetAsync(keys.Message(id)).InTimeAsync();
        if (record.IsNull || !MessageRecord.TryRead(id, record, out var message, out _))
        {
            return [];
        }

        var units = Unit.Of(message);
        var due = await Task.WhenAll(units.Select(u => database.SortedSetScoreAsync(keys.Lane(u.Lane), u.Id.ToString()))).InTimeAsync();
        return [.. units.Zip(due).Where(u => u.Second is not null).Select(u => (u.First.Id, u.First.Lane, (long)u.Second!.Value))];
    }

    private static List<(UnitId Id, Lane Lane, long Due)> Parse(Lane lane, SortedSetEntry[] entries)
    {
        var units = new List<(UnitId, Lane, long)>(entries.Length);
        foreach (var entry in entries)
        {
            if (UnitId.TryParse(entry.Element, out var id))
            {
                units.Add((id, lane, (long)entry.Score));
            }
        }

        return units;
    }
}
