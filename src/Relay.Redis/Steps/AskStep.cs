using System.Text.Json;
using Relay.Mail.Queue;
using Relay.Redis.Keys;
using Relay.Redis.Records;
using StackExchange.Redis;

namespace Relay.Redis.Steps;

/// <summary>
/// Asked: the owner tells how far it is with what was asked of it, in the settling step that does it or behind it, so that
/// a crash neither loses nor repeats it.
/// <code>
/// condition  that of settle
/// writes     ZADD lane:L XX now unit...   what is to be tried now; a unit that ended meanwhile stays away
///            ZADD lanes LT now L
///            SET answer:ASK progress EX 1h
///            LREM asks 1 entry            once all of it is done
/// results    as settle
/// </code>
/// </summary>
internal static class AskStep
{
    // Whoever asked looks within seconds; a person may come back to it.
    private static readonly TimeSpan AnswerKept = TimeSpan.FromHours(1);

    private const CommandFlags Unheard = CommandFlags.FireAndForget;

    public static void Add(IDatabaseAsync step, PartitionKeys keys, AskedPart part)
    {
        foreach (var (lane, units) in part.Due)
        {
            step.SortedSetAddAsync(
                keys.Lane(lane), [.. units.Select(id => new SortedSetEntry(id.ToString(), part.Now))], SortedSetWhen.Exists, Unheard);
            step.SortedSetAddAsync(keys.Lanes, lane.ToString(), part.Now, SortedSetWhen.LessThan, Unheard);
        }

        step.StringSetAsync(
            keys.Answer(part.Ask.Id),
            JsonSerializer.SerializeToUtf8Bytes(part.Progress, RecordJson.Default.AskProgress),
            AnswerKept,
            When.Always,
            Unheard);
        if (part.Progress.IsDone)
        {
            step.ListRemoveAsync(keys.Asks, part.Entry, 1, Unheard);
        }
    }
}

/// <summary>A part of what was asked of one partition.</summary>
/// <param name="Entry">The ask as it stands in the list.</param>
/// <param name="Now">Unix milliseconds.</param>
internal sealed record AskedPart(QueueAsk Ask, RedisValue Entry, AskProgress Progress, long Now)
{
    /// <summary>Units that are due at once.</summary>
    public IReadOnlyDictionary<Lane, IReadOnlyList<UnitId>> Due { get; init; } = new Dictionary<Lane, IReadOnlyList<UnitId>>();
}
