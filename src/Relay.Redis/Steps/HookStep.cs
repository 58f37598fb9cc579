using System.Globalization;
using Relay.Mail.Messages;
using Relay.Mail.Webhooks;
using Relay.Redis.Keys;
using StackExchange.Redis;

namespace Relay.Redis.Steps;

/// <summary>
/// What waits for webhooks. No event is copied: what happened to a message stands in its activity, and beside it from where on
/// the webhook (W is account|id) has not had it. So an event is named by what stands there, and its order is that of the activity.
/// <code>
/// arrive     with project, in its step and behind its fence
///            ZADD NX hook:W now ID, SET NX hookat:W|ID "OFFSET NOW 0"   kept where earlier events still wait
///            SADD hooks W
/// settle     condition  hookat:W|ID = as read            nobody replayed it, no other owner was quicker
///    done    condition  STRLEN act:ID = as read          nothing has happened to it meanwhile
///            DEL hookat:W|ID, ZREM hook:W ID
///    left    SET hookat:W|ID "NEXT QUEUED FAILURES", ZADD hook:W DUE ID
///            HINCRBY hookcounts:W taken|givenUp, HSET hooknews:W good|bad|words, HSETNX or HDEL since
/// drop       ZREM hook:W ID..., DEL hookat:W|ID..., HINCRBY hookcounts:W dropped n
/// replay     SET hookat:W|ID "0 NOW 0", ZADD hook:W NOW ID, SADD hooks W
///            the same where what happened to a message is forgotten, in that step: what happens to it later begins at 0 again
/// empty      condition  hook:W is not there: SREM hooks W
/// results    done | not: somebody else wrote; what stands there then is read anew | unknown: read anew, and posted again at worst
/// </code>
/// </summary>
internal static class HookStep
{
    public const string Taken = "taken";
    public const string GivenUp = "givenUp";
    public const string Dropped = "dropped";
    public const string Good = "good";
    public const string Bad = "bad";
    public const string Words = "words";
    public const string Since = "since";

    private const string TestWord = "test";
    private const CommandFlags Unheard = CommandFlags.FireAndForget;

    public static void AddArrivals(IDatabaseAsync step, PartitionKeys keys, string webhook, IReadOnlyCollection<(MessageId Message, long Offset)> arrivals, long now)
    {
        step.SortedSetAddAsync(keys.Hook(webhook), [.. arrivals.Select(a => new SortedSetEntry(a.Message.ToString(), now))], SortedSetWhen.NotExists, Unheard);
        foreach (var (message, offset) in arrivals)
        {
            step.StringSetAsync(keys.HookMark(webhook, message), MarkOf(offset, now, 0), null, When.NotExists, Unheard);
        }

        step.SetAddAsync(keys.Hooks, webhook, Unheard);
    }

    /// <summary>What has to hold when turns are settled.</summary>
    public static void AddConditions(ITransaction step, PartitionKeys keys, string webhook, WebhookTurnEnd end, bool asDone)
    {
        var mark = keys.HookMark(webhook, end.Turn.Message);
        step.AddCondition(end.Turn.Mark.Length == 0 ? Condition.KeyNotExists(mark) : Condition.StringEqual(mark, end.Turn.Mark));
        if (asDone && !end.Turn.IsTest)
        {
            step.AddCondition(Condition.StringLengthEqual(keys.Activity(end.Turn.Message), end.Turn.Length));
        }
    }

    /// <summary>Whether nothing is left of a turn, as far as it was read.</summary>
    public static bool IsDone(WebhookTurnEnd end) => end.Next >= end.Turn.Length;

    public static void AddEnd(IDatabaseAsync step, PartitionKeys keys, string webhook, WebhookTurnEnd end, bool asDone, long now)
    {
        var turn = end.Turn;
        if (asDone)
        {
            step.KeyDeleteAsync(keys.HookMark(webhook, turn.Message), Unheard);
            step.SortedSetRemoveAsync(keys.Hook(webhook), turn.Message.ToString(), Unheard);
            return;
        }

        var queued = turn.Queued.ToUnixTimeMilliseconds();
        step.StringSetAsync(
            keys.HookMark(webhook, turn.Message), turn.IsTest ? TestMarkOf(queued, end.Failures) : MarkOf(end.Next, queued, end.Failures), null, When.Always, Unheard);
        step.SortedSetAddAsync(keys.Hook(webhook), turn.Message.ToString(), end.Due?.ToUnixTimeMilliseconds() ?? now, SortedSetWhen.Always, Unheard);
    }

    /// <summary>Counts what was posted, and notes when it last went well and when not.</summary>
    public static void AddNews(IDatabaseAsync step, PartitionKeys keys, string webhook, IReadOnlyCollection<WebhookTurnEnd> ends, long now)
    {
        Count(Taken, ends.Sum(end => end.Taken));
        Count(GivenUp, ends.Sum(end => end.GivenUp));
        if (ends.Any(end => end.Taken > 0))
        {
            step.HashSetAsync(keys.HookNews(webhook), Good, now, When.Always, Unheard);
            step.HashDeleteAsync(keys.HookNews(webhook), Since, Unheard);
        }

        if (ends.LastOrDefault(end => end.Error is not null) is { } failed)
        {
            step.HashSetAsync(keys.HookNews(webhook), [new HashEntry(Bad, now), new HashEntry(Words, failed.Error)], Unheard);
            step.HashSetAsync(keys.HookNews(webhook), Since, now, When.NotExists, Unheard);
        }

        void Count(string what, long count)
        {
            if (count > 0)
            {
                step.HashIncrementAsync(keys.HookCounts(webhook), what, count, Unheard);
            }
        }
    }

    public static void AddDrop(IDatabaseAsync step, PartitionKeys keys, string webhook, RedisValue[] messages)
    {
        step.SortedSetRemoveAsync(keys.Hook(webhook), messages, Unheard);
        step.KeyDeleteAsync([.. messages.Select(each => MessageId.TryParse(each.ToString(), out var id) ? id : default(MessageId?)).OfType<MessageId>().Select(id => keys.HookMark(webhook, id))], Unheard);
        step.HashIncrementAsync(keys.HookCounts(webhook), Dropped, messages.Length, Unheard);
    }

    public static void AddReplay(IDatabaseAsync step, PartitionKeys keys, string webhook, IReadOnlyCollection<MessageId> messages, long now, bool isTest = false)
    {
        foreach (var message in messages)
        {
            step.StringSetAsync(keys.HookMark(webhook, message), isTest ? TestMarkOf(now, 0) : MarkOf(0, now, 0), null, When.Always, Unheard);
        }

        step.SortedSetAddAsync(keys.Hook(webhook), [.. messages.Select(message => new SortedSetEntry(message.ToString(), now))], SortedSetWhen.Always, Unheard);
        step.SetAddAsync(keys.Hooks, webhook, Unheard);
    }

    /// <summary>What a mark says. One that is missing or cannot be read lets all of the message be posted, rather than nothing.</summary>
    public static (long Offset, long Queued, int Failures, bool IsTest) ReadMark(string mark, long now) =>
        mark.Split(' ') is [var offset, var queued, var failures]
        && long.TryParse(queued, NumberStyles.None, CultureInfo.InvariantCulture, out var since)
        && int.TryParse(failures, NumberStyles.None, CultureInfo.InvariantCulture, out var failed)
            ? offset == TestWord ? (0, since, failed, true)
            : long.TryParse(offset, NumberStyles.None, CultureInfo.InvariantCulture, out var from) ? (from, since, failed, false)
            : (0, now, 0, false)
            : (0, now, 0, false);

    private static string MarkOf(long offset, long queued, int failures) => string.Create(CultureInfo.InvariantCulture, $"{offset} {queued} {failures}");

    private static string TestMarkOf(long queued, int failures) => string.Create(CultureInfo.InvariantCulture, $"{TestWord} {queued} {failures}");
}
