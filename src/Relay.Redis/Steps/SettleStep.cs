using System.Text.Json;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis.Keys;
using Relay.Redis.Records;
using StackExchange.Redis;

namespace Relay.Redis.Steps;

/// <summary>
/// Settle: leases end and their events are told, all in one step.
/// <code>
/// reads      open:ID          before the step, only of messages with more than one unit; only the owner changes it
///            idem             only of a message that is cancelled and known when it comes again
/// condition  settled = E:S    the fence: an owner that was replaced cannot settle any more
///            idem as read     only where it is freed; where it came to its time meanwhile all is read anew
/// writes     SET settled E:S+1
///   finished   ZREM lane:L unit, DEL u:ID/n, SREM open:ID n
///              and with the last unit DEL m:ID, open:ID, UNLINK m:ID/k; DEL idem where that was cancelled
///   deferred   SET u:ID/n state, ZADD lane:L due unit, ZADD lanes LT due L
///   set aside  ZREM lane:L unit, RPUSH unreadable entry; the record stays where it is. A lane without a right name: ZREM lanes
///   noted      HDEL dots "unit turn"...
///   reports    as in accept
///   RPUSH outbox events
/// results    done | fenced | unknown: then settled = E:S+1 means done, E:S means repeat
/// </code>
/// </summary>
internal static class SettleStep
{
    private const CommandFlags Unheard = CommandFlags.FireAndForget;

    public static void AddFinished(IDatabaseAsync step, PartitionKeys keys, Lease lease, UnitEnd end)
    {
        step.SortedSetRemoveAsync(keys.Lane(lease.Unit.Lane), lease.Id.ToString(), Unheard);
        if (lease.State is not null)
        {
            step.KeyDeleteAsync(keys.Unit(lease.Id), Unheard);
        }

        switch (end)
        {
            case UnitEnd.Only:
                RemoveRecord(step, keys, lease.Message, hasOpen: false);
                break;
            case UnitEnd.Last:
                RemoveRecord(step, keys, lease.Message, hasOpen: true);
                break;
            case UnitEnd.OneOfMany:
                step.SetRemoveAsync(keys.Open(lease.Message.Id), lease.Id.Number, Unheard);
                break;
        }
    }

    public static void AddRepeatFreed(ITransaction step, RedisKey key, string value)
    {
        step.AddCondition(Condition.StringEqual(key, value));
        _ = step.KeyDeleteAsync(key, Unheard);
    }

    public static void AddDeferred(IDatabaseAsync step, PartitionKeys keys, Lease lease, UnitState next, long due)
    {
        step.StringSetAsync(keys.Unit(lease.Id), JsonSerializer.SerializeToUtf8Bytes(next, RecordJson.Default.UnitState), null, When.Always, Unheard);
        step.SortedSetAddAsync(keys.Lane(lease.Unit.Lane), lease.Id.ToString(), due, SortedSetWhen.Always, Unheard);
        step.SortedSetAddAsync(keys.Lanes, lease.Unit.Lane.ToString(), due, SortedSetWhen.LessThan, Unheard);
    }

    public static void AddSetAside(IDatabaseAsync step, PartitionKeys keys, UnreadableEntry entry)
    {
        _ = Lane.TryParse(entry.Lane, out var lane)
            ? step.SortedSetRemoveAsync(keys.Lane(lane), entry.Unit, Unheard)
            : step.SortedSetRemoveAsync(keys.Lanes, entry.Lane, Unheard);
        step.ListRightPushAsync(keys.Unreadable, JsonSerializer.SerializeToUtf8Bytes(entry, RecordJson.Default.UnreadableEntry), When.Always, Unheard);
    }

    public static void AddDotsGone(IDatabaseAsync step, PartitionKeys keys, RedisValue[] notes) =>
        step.HashDeleteAsync(keys.Dots, notes, Unheard);

    public static void AddEvents(IDatabaseAsync step, PartitionKeys keys, RedisValue[] events) =>
        step.ListRightPushAsync(keys.Outbox, events, Unheard);

    public static void RemoveRecord(IDatabaseAsync step, PartitionKeys keys, Message message, bool hasOpen)
    {
        step.KeyDeleteAsync(keys.Message(message.Id), Unheard);
        if (hasOpen)
        {
            step.KeyDeleteAsync(keys.Open(message.Id), Unheard);
        }

        if (message.Content.Chunks > 0)
        {
            step.KeyDeleteAsync([.. Enumerable.Range(0, message.Content.Chunks).Select(chunk => keys.Chunk(message.Id, chunk))], Unheard);
        }
    }
}

/// <summary>What the end of a unit means for its message.</summary>
internal enum UnitEnd
{
    /// <summary>The message had one unit.</summary>
    Only,

    /// <summary>Others of the message are still open.</summary>
    OneOfMany,

    /// <summary>All others ended before.</summary>
    Last,
}
