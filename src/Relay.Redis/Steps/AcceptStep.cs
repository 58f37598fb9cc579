using System.Buffers;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis.Keys;
using Relay.Redis.Records;
using Relay.Redis.Usage;
using StackExchange.Redis;

namespace Relay.Redis.Steps;

/// <summary>
/// Accept: messages become durable with all their units and their first event, or not at all.
/// <code>
/// reads      idem             only with an idempotency key
///            m:ID/k           only with chunks
/// condition  idem absent, every chunk there
/// writes     MSET m:ID record
///            ZADD lane:L due unit          for each lane
///            ZADD lanes LT due L           never raises what another unit lowered
///            SADD open:ID n...             only with more than one unit
///            RPUSH outbox accepted         and scheduled, where it is for later
///            SET idem "ID fingerprint" EX 24h, or as long as is asked for
///            PERSIST m:ID/k                they were to vanish until now
///            HINCRBY used                  as UsageStep says
/// results    done | condition not met | unknown, when the answer was not seen
/// </code>
/// One step may take many messages: a condition belongs to a step of one.
/// </summary>
internal static class AcceptStep
{
    // Nobody looks at the single replies: an error in any of them fails EXEC.
    private const CommandFlags Unheard = CommandFlags.FireAndForget;

    /// <summary>Adds messages of one partition to a step.</summary>
    public static void Add(IDatabaseAsync step, PartitionKeys keys, IReadOnlyList<PreparedMessage> messages)
    {
        var records = new KeyValuePair<RedisKey, RedisValue>[messages.Count];
        var events = new List<RedisValue>(messages.Count);
        var lanes = new Dictionary<Lane, List<SortedSetEntry>>();
        for (var i = 0; i < messages.Count; i++)
        {
            var message = messages[i];
            records[i] = new(keys.Message(message.Message.Id), message.Record);
            events.Add(message.Accepted);
            if (message.Scheduled is { } scheduled)
            {
                events.Add(scheduled);
            }

            foreach (var unit in message.Units)
            {
                if (!lanes.TryGetValue(unit.Lane, out var entries))
                {
                    lanes[unit.Lane] = entries = [];
                }

                entries.Add(new SortedSetEntry(unit.Id.ToString(), message.Due));
            }
        }

        step.StringSetAsync(records, When.Always, Unheard);
        foreach (var (lane, entries) in lanes)
        {
            step.SortedSetAddAsync(keys.Lane(lane), [.. entries], Unheard);
        }

        step.SortedSetAddAsync(
            keys.Lanes,
            [.. lanes.Select(lane => new SortedSetEntry(lane.Key.ToString(), lane.Value.Min(e => e.Score)))],
            SortedSetWhen.LessThan,
            Unheard);

        foreach (var message in messages.Where(m => m.Units.Count > 1))
        {
            step.SetAddAsync(keys.Open(message.Message.Id), [.. message.Units.Select(u => (RedisValue)u.Id.Number)], Unheard);
        }

        step.ListRightPushAsync(keys.Outbox, [.. events], Unheard);
    }

    /// <summary>Adds the condition and write of an idempotency key. On one server it may stand in another partition than the message.</summary>
    public static ConditionResult AddIdempotency(ITransaction step, PartitionKeys keys, Message message, IdempotencyKey idempotency)
    {
        var key = keys.Idempotency(message.Account, idempotency.Key);
        var absent = step.AddCondition(Condition.KeyNotExists(key));
        _ = step.StringSetAsync(key, $"{message.Id} {idempotency.Fingerprint}", idempotency.Kept, When.Always, Unheard);
        return absent;
    }

    /// <summary>Adds the condition that every chunk is there, and keeps them from now on.</summary>
    public static List<ConditionResult> AddChunks(ITransaction step, PartitionKeys keys, Message message)
    {
        var there = new List<ConditionResult>();
        for (var chunk = 0; chunk < message.Content.Chunks; chunk++)
        {
            var key = keys.Chunk(message.Id, chunk);
            there.Add(step.AddCondition(Condition.KeyExists(key)));
            step.KeyPersistAsync(key, Unheard);
        }

        return there;
    }

    /// <summary>
    /// Takes out what an accept may have put in whose answer was not seen; its activity says so. Not when a unit of it has ended
    /// or was tried: then all of it is delivered, or none was.
    /// </summary>
    public static void AddCancel(ITransaction step, PartitionKeys keys, Message message, IReadOnlyList<Unit> units, int node, DateTimeOffset now)
    {
        var id = message.Id;
        step.AddCondition(Condition.KeyExists(keys.Message(id)));
        if (units.Count > 1)
        {
            step.AddCondition(Condition.SetLengthEqual(keys.Open(id), units.Count));
        }

        foreach (var unit in units)
        {
            step.AddCondition(Condition.KeyNotExists(keys.Unit(unit.Id)));
            step.SortedSetRemoveAsync(keys.Lane(unit.Lane), unit.Id.ToString(), Unheard);
        }

        SettleStep.RemoveRecord(step, keys, message, units.Count > 1);
        UsageStep.TakeBack(step, keys, message);

        var cancelled = new MailEvent
        {
            Time = now,
            Type = MailEventType.Cancelled,
            Message = id,
            Account = message.Account,
            Reply = "the store answered too late; the sender was told to try again",
        };
        step.ListRightPushAsync(keys.Outbox, EventRecord.Write(cancelled, node, ends: true), When.Always, Unheard);
    }
}

/// <summary>A message in the forms that its step writes.</summary>
internal sealed class PreparedMessage
{
    public PreparedMessage(Message message, int node)
    {
        Message = message;
        Units = Unit.Of(message);
        Due = message.DueAt.ToUnixTimeMilliseconds();
        Record = MessageRecord.Write(message);
        Accepted = EventRecord.Write(MessageSummary.AcceptedEvent(message), node, ends: false);
        Scheduled = MessageSummary.ScheduledEvent(message) is { } scheduled ? EventRecord.Write(scheduled, node, ends: false) : null;
    }

    public Message Message { get; }
    public IReadOnlyList<Unit> Units { get; }

    /// <summary>Unix milliseconds.</summary>
    public long Due { get; }

    public ReadOnlySequence<byte> Record { get; }
    public byte[] Accepted { get; }

    /// <summary>Null for mail that is not for later.</summary>
    public byte[]? Scheduled { get; }
}
