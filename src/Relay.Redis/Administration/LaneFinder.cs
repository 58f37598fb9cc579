using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis.Connections;
using Relay.Redis.Keys;
using StackExchange.Redis;

namespace Relay.Redis.Administration;

/// <summary>The lanes of a partition that a selector means.</summary>
internal static class LaneFinder
{
    public static async Task<IReadOnlyList<Lane>> FindAsync(IDatabase database, PartitionKeys keys, QueueSelector selector)
    {
        if (selector is { Domain: { } domain, Account: { } account })
        {
            MessageClass[] classes = selector.Class is { } @class ? [@class] : Enum.GetValues<MessageClass>();
            return [.. classes.Select(c => new Lane(domain, account, c))];
        }

        // In one piece: between two pages a lane could move from the one not yet read into the one read before.
        var names = await database.SortedSetRangeByRankAsync(keys.Lanes).InTimeAsync();
        return [.. names.Select(name => Lane.TryParse(name, out var lane) ? lane : default(Lane?)).OfType<Lane>().Where(selector.Covers)];
    }
}
