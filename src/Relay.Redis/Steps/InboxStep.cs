using Relay.Redis.Keys;
using StackExchange.Redis;

namespace Relay.Redis.Steps;

/// <summary>
/// What is captured of an account, and how many octets it takes: the total is written in the step that changes what is there, so
/// that neither a crash nor an answer that was lost, after which the step is done again, makes it wrong.
/// <code>
/// capture    condition  sizes has no ID, octets is there
///            HSET sizes ID n, INCRBY octets n, HSET messages ID shown, ZADD order now ID
/// remove     condition  sizes has each ID that it had when it was read; what each takes never changes
///            HDEL sizes ID..., DECRBY octets SUM, HDEL messages ID..., ZREM order ID..., DEL raw:ID...
/// count      condition  octets as read, or not there; sizes as long as when it was read
///            SET octets SUM
/// results    done | not: another relay was quicker, read anew | unknown: done again, the conditions tell
/// </code>
/// </summary>
internal static class InboxStep
{
    private const CommandFlags Unheard = CommandFlags.FireAndForget;

    public static void AddCapture(ITransaction step, string account, string id, byte[] shown, long octets, DateTimeOffset now)
    {
        step.AddCondition(Condition.HashNotExists(StoreKeys.InboxSizes(account), id));
        step.AddCondition(Condition.KeyExists(StoreKeys.InboxOctets(account)));
        _ = step.HashSetAsync(StoreKeys.InboxSizes(account), id, octets, When.Always, Unheard);
        _ = step.StringIncrementAsync(StoreKeys.InboxOctets(account), octets, Unheard);
        _ = step.HashSetAsync(StoreKeys.Inbox(account), id, shown, When.Always, Unheard);
        _ = step.SortedSetAddAsync(StoreKeys.InboxOrder(account), id, now.ToUnixTimeMilliseconds(), When.Always, Unheard);
    }

    /// <param name="messages">Each with what it takes; null where that is not known.</param>
    public static void AddRemoval(ITransaction step, string account, IReadOnlyList<(RedisValue Id, RedisValue Octets)> messages)
    {
        var counted = messages.Where(message => !message.Octets.IsNull).ToList();
        foreach (var message in counted)
        {
            step.AddCondition(Condition.HashExists(StoreKeys.InboxSizes(account), message.Id));
        }

        RedisValue[] ids = [.. messages.Select(message => message.Id)];
        _ = step.HashDeleteAsync(StoreKeys.InboxSizes(account), ids, Unheard);
        _ = step.StringDecrementAsync(StoreKeys.InboxOctets(account), counted.Sum(message => (long)message.Octets), Unheard);
        _ = step.HashDeleteAsync(StoreKeys.Inbox(account), ids, Unheard);
        _ = step.SortedSetRemoveAsync(StoreKeys.InboxOrder(account), ids, Unheard);
        _ = step.KeyDeleteAsync([.. ids.Select(id => StoreKeys.InboxRaw(account, id.ToString()))], Unheard);
    }

    /// <param name="known">The total as it was read; null where there was none.</param>
    /// <param name="messages">How many were counted.</param>
    public static void AddCount(ITransaction step, string account, long? known, int messages, long octets)
    {
        var total = StoreKeys.InboxOctets(account);
        step.AddCondition(known is { } octetsBefore ? Condition.StringEqual(total, octetsBefore) : Condition.KeyNotExists(total));
        step.AddCondition(Condition.HashLengthEqual(StoreKeys.InboxSizes(account), messages));
        _ = step.StringSetAsync(total, octets, null, When.Always, Unheard);
    }
}
