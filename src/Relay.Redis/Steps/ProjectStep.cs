using Relay.Mail.Messages;
using Relay.Redis.Keys;
using Relay.Redis.Records;
using StackExchange.Redis;

namespace Relay.Redis.Steps;

/// <summary>
/// Project: events leave the outbox and become activity, in one step, so that a reader sees each of them in one place.
/// <code>
/// reads      outbox           before the step; only this step takes from it
/// condition  projected = E:S
/// writes     SET projected E:S+1
///            APPEND act:ID event...             one write a message
///            ZADD acts:ACCOUNT 0 ID...          with an accepted event; equal scores sort by id, which is by time
///            HINCRBY stats:ACCOUNT|MONTH "DAY KIND" n   one write a counter
///            ZADD ended now "ID ACCOUNT"...     with the event that ends a message
///            what waits for webhooks, where the account has any (HookStep, arrive)
///            LTRIM outbox N -1
/// results    done | fenced | unknown: then projected tells, as in settle
/// </code>
/// </summary>
internal static class ProjectStep
{
    private const CommandFlags Unheard = CommandFlags.FireAndForget;

    /// <param name="count">Entries read from the outbox, those that could not be read included.</param>
    public static void Add(IDatabaseAsync step, PartitionKeys keys, IReadOnlyList<EventRecord> events, int count, long now)
    {
        foreach (var message in events.GroupBy(e => e.Message))
        {
            step.StringAppendAsync(keys.Activity(message.Key), Pack([.. message]), Unheard);
        }

        foreach (var account in events.GroupBy(e => e.Account))
        {
            step.SortedSetAddAsync(
                keys.AccountActivity(account.Key),
                [.. account.Select(e => e.Message).Distinct().Select(id => new SortedSetEntry(id.ToString(), 0))],
                Unheard);
        }

        SortedSetEntry[] ended = [.. events.Where(e => e.Ends).Select(e => new SortedSetEntry($"{e.Message} {e.Account}", now))];
        if (ended.Length > 0)
        {
            step.SortedSetAddAsync(keys.Ended, ended, Unheard);
        }

        step.ListTrimAsync(keys.Outbox, count, -1, Unheard);
    }

    /// <summary>Forgets the activity of a message. False when the entry cannot be read, and is set aside.</summary>
    public static bool AddForget(IDatabaseAsync step, PartitionKeys keys, RedisValue ended)
    {
        var read = ReadEnded(ended);
        if (read is var (id, account))
        {
            step.KeyDeleteAsync(keys.Activity(id), Unheard);
            step.SortedSetRemoveAsync(keys.AccountActivity(account), id.ToString(), Unheard);
        }
        else
        {
            step.ListRightPushAsync(keys.Unreadable, ended, When.Always, Unheard);
        }

        step.SortedSetRemoveAsync(keys.Ended, ended, Unheard);
        return read is not null;
    }

    /// <summary>Which message an entry is about, and whose it is; null where it cannot be read.</summary>
    public static (MessageId Message, string Account)? ReadEnded(RedisValue ended) =>
        ended.ToString().Split(' ', 2) is [var text, var account] && MessageId.TryParse(text, out var id) ? (id, account) : null;

    private static byte[] Pack(EventRecord[] events)
    {
        var packed = GC.AllocateUninitializedArray<byte>(events.Sum(ActivityRecord.Measure));
        var position = 0;
        foreach (var e in events)
        {
            position += ActivityRecord.Write(e, packed.AsSpan(position));
        }

        return packed;
    }
}
