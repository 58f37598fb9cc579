using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis.Connections;
using Relay.Redis.Queue;
using StackExchange.Redis;

namespace Relay.Redis.Administration;

/// <summary>Reads units with their messages, a few at a time: a record may have 256 KiB.</summary>
internal static class LeaseReader
{
    private const int AtOnce = 8;

    /// <summary>Those whose record is there and can be read, in the order asked for.</summary>
    public static async IAsyncEnumerable<Lease> ReadAsync(IDatabase database, Partition partition, IEnumerable<UnitId> units)
    {
        foreach (var part in units.Chunk(AtOnce))
        {
            MessageId[] messages = [.. part.Select(id => id.Message).Distinct()];
            RedisKey[] wanted = [.. messages.Select(partition.Keys.Message), .. part.Select(partition.Keys.Unit)];
            var values = await database.StringGetAsync(wanted).InTimeAsync();
            for (var i = 0; i < part.Length; i++)
            {
                var record = values[Array.IndexOf(messages, part[i].Message)];
                if (!record.IsNull && Refiller.TryReadLease(partition, part[i], record, values[messages.Length + i], out var lease, out _))
                {
                    yield return lease;
                }
            }
        }
    }
}
