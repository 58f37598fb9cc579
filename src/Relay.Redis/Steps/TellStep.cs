using Relay.Mail.Events;
using Relay.Redis.Keys;
using Relay.Redis.Records;
using StackExchange.Redis;

namespace Relay.Redis.Steps;

/// <summary>
/// Tell: what the world says of a message that has left becomes an event, once.
/// <code>
/// condition  told:ID has none of "KIND RECIPIENT"
/// writes     HSET told:ID "KIND RECIPIENT" 1...
///            EXPIRE told:ID 1h          by then the activity shows it to whoever is told again
///            RPUSH outbox events
///            reports                    as in accept
/// results    done | told before | unknown: told again, it is told once
/// </code>
/// </summary>
internal static class TellStep
{
    private const CommandFlags Unheard = CommandFlags.FireAndForget;

    private static readonly TimeSpan ToldKept = TimeSpan.FromHours(1);

    // As of another node: then the projecting step tells the window of a report, whoever owns the partition.
    private const int Stranger = 0;

    /// <returns>The conditions: one that does not hold says that an event was told before.</returns>
    public static IReadOnlyList<ConditionResult> Add(ITransaction step, PartitionKeys keys, Mail.Incoming.Telling telling, int node)
    {
        var told = keys.Told(telling.Message);
        var fields = telling.Events.Select(FieldOf).ToArray();
        ConditionResult[] conditions = [.. fields.Select(field => step.AddCondition(Condition.HashNotExists(told, field)))];

        _ = step.HashSetAsync(told, [.. fields.Select(field => new HashEntry(field, 1))], Unheard);
        _ = step.KeyExpireAsync(told, ToldKept, ExpireWhen.Always, Unheard);
        var last = telling.Events.Count - 1;
        _ = step.ListRightPushAsync(
            keys.Outbox, [.. telling.Events.Select((happened, i) => (RedisValue)EventRecord.Write(happened, node, ends: telling.IsOver && i == last))], Unheard);
        if (telling.Reports.Count > 0)
        {
            AcceptStep.Add(step, keys, [.. telling.Reports.Select(report => new PreparedMessage(report, Stranger))]);
        }

        return conditions;
    }

    private static RedisValue FieldOf(MailEvent happened) => $"{happened.Type} {happened.Recipient}";
}
