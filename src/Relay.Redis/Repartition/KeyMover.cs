using System.Globalization;
using System.Text.Json;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis.Connections;
using Relay.Redis.Journal;
using Relay.Redis.Keys;
using Relay.Redis.Records;
using Relay.Redis.Steps;
using StackExchange.Redis;

namespace Relay.Redis.Repartition;

/// <summary>
/// Moves one key of an old partition into the new ones. On a cluster the two stand on different shards, so no step covers
/// both: what is written can be written again, and the old key goes last.
/// <code>
/// of one message     SET, SADD or HSET under the new tag, compared, then UNLINK
/// lanes by entry     ZADD, which is the same twice; lanes and hooks are made anew from what is put into each
/// lists, counters    RPUSH or HINCRBY, and SADD moved "key offset", on condition that it is not there: once
/// of no more use     lease, fences, acknowledgements: UNLINK. Nobody owns anything, and epochs begin anew
/// </code>
/// </summary>
internal sealed class KeyMover(IDatabase database, int from, string[] tags, Action beforeWrite)
{
    private const int EntriesAtOnce = 1_000;
    private const CommandFlags Unheard = CommandFlags.FireAndForget;

    private readonly PartitionKeys[] _partitions = [.. tags.Select(tag => new PartitionKeys(tag))];

    /// <summary>The parts of lists and counters that a new partition has taken already.</summary>
    public static RedisKey Taken(string tag) => $"relay:{{{tag}}}:taken";

    /// <param name="partition">The number of the old partition.</param>
    /// <param name="rest">The key's name behind the tag.</param>
    /// <exception cref="StoreRefusedException">The key is of a kind that this version does not know; it was left alone.</exception>
    public async Task MoveAsync(RedisKey key, int partition, string rest, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        var (kind, name) = rest.IndexOf(':', StringComparison.Ordinal) is >= 0 and var colon ? (rest[..colon], rest[(colon + 1)..]) : (rest, "");
        switch (kind)
        {
            case "m" or "u" or "act":
                await MoveStringAsync(key, rest, OfMessage(name));
                break;
            case "idem":
                await MoveStringAsync(key, rest, OfSlot(IdempotencySlot(name)));
                break;
            case "answer":
                await MoveStringAsync(key, rest, Heir(partition));
                break;
            case "open":
                await MoveSetAsync(key, rest, OfMessage(name));
                break;
            case "lane":
                await MoveEntriesAsync(key, rest, partition, (to, entries) => PutIntoLaneAsync(to, name, entries));
                break;
            case "acts" or "ended":
                await MoveEntriesAsync(key, rest, partition, (to, entries) => database.SortedSetAddAsync(Key(to, rest), entries));
                break;
            case "hook":
                await MoveEntriesAsync(key, rest, partition, (to, entries) => PutBeforeWebhookAsync(to, name, entries));
                break;
            case "hookat":
                await MoveStringAsync(key, rest, OfMessage(name[(name.LastIndexOf('|') + 1)..]));
                break;
            case "outbox":
                await MoveListAsync(key, rest, entry => EventRecord.TryRead(entry, out var happened) ? Of(happened.Message) : Heir(partition));
                break;
            case "unreadable":
                await MoveListAsync(key, rest, _ => Heir(partition));
                break;
            case "asks":
                await MoveAsksAsync(key, rest, partition);
                break;
            case "late":
                await MoveListAsync(key, rest, entry => JournalEntry.TryRead((ReadOnlyMemory<byte>)entry, out var late) ? Of(late.Unit.Message) : Heir(partition));
                break;
            case "said":
                await MoveListAsync(key, rest, _ => OfMessage(name));
                break;
            case "told":
                await MoveHashAsync(key, rest, _ => OfMessage(name));
                break;
            case "dots":
                await MoveHashAsync(key, rest, note => OfEntry(note.ToString(), partition));
                break;
            case "drains":
                await MoveHashAsync(key, rest, slot => OfSlot((int)slot));
                break;
            case "hooknews":
                await MoveNewsAsync(key, rest, Heir(partition));
                break;
            case "stats" or "used" or "hookcounts":
                await MoveCountersAsync(key, rest, Heir(partition));
                break;
            // Made anew from the lanes, and from what is put before each webhook.
            case "lanes" or "hooks":
                break;
            case "lease" or "settled" or "projected" or "ack" or "probe":
                break;
            // What an earlier version wrote instead of drains.
            case "drained":
                break;
            default:
                throw new StoreRefusedException($"The key '{key}' is of a kind that this version cannot move. Nothing is lost: let the version that wrote it end the move");
        }

        beforeWrite();
        await database.KeyDeleteAsync(key);
    }

    private async Task MoveStringAsync(RedisKey key, string rest, int to)
    {
        var value = await database.StringGetWithExpiryAsync(key);
        if (value.Value.IsNull)
        {
            return;
        }

        beforeWrite();
        await database.StringSetAsync(Key(to, rest), value.Value, value.Expiry, When.Always, CommandFlags.None);
        Require(await database.StringGetAsync(Key(to, rest)) == value.Value, key);
    }

    private async Task MoveSetAsync(RedisKey key, string rest, int to)
    {
        var members = await database.SetMembersAsync(key);
        beforeWrite();
        await database.SetAddAsync(Key(to, rest), members);
        Require(await database.SetLengthAsync(Key(to, rest)) == members.Length, key);
    }

    private async Task MoveEntriesAsync(RedisKey key, string rest, int partition, Func<int, SortedSetEntry[], Task> put)
    {
        for (var start = 0; ; start += EntriesAtOnce)
        {
            var entries = await database.SortedSetRangeByRankWithScoresAsync(key, start, start + EntriesAtOnce - 1);
            foreach (var group in entries.GroupBy(entry => OfEntry(entry.Element.ToString(), partition)))
            {
                SortedSetEntry[] part = [.. group];
                beforeWrite();
                await put(group.Key, part);
                var there = await database.SortedSetScoresAsync(Key(group.Key, rest), [.. part.Select(e => e.Element)]);
                Require(Array.TrueForAll(there, score => score is not null), key);
            }

            if (entries.Length < EntriesAtOnce)
            {
                return;
            }
        }
    }

    private async Task PutIntoLaneAsync(int to, string lane, SortedSetEntry[] entries)
    {
        var keys = _partitions[to];
        var step = database.CreateTransaction();
        _ = step.SortedSetAddAsync(Key(to, $"lane:{lane}"), entries, Unheard);
        _ = step.SortedSetAddAsync(keys.Lanes, lane, entries.Min(e => e.Score), SortedSetWhen.LessThan, Unheard);
        await step.RunAsync();
    }

    private async Task PutBeforeWebhookAsync(int to, string webhook, SortedSetEntry[] entries)
    {
        var step = database.CreateTransaction();
        _ = step.SortedSetAddAsync(_partitions[to].Hook(webhook), entries, Unheard);
        _ = step.SetAddAsync(_partitions[to].Hooks, webhook, Unheard);
        await step.RunAsync();
    }

    private async Task MoveListAsync(RedisKey key, string rest, Func<RedisValue, int> target)
    {
        // Before its entries: one that vanishes in between has none.
        var left = await database.KeyTimeToLiveAsync(key);
        for (var start = 0; ; start += EntriesAtOnce)
        {
            var entries = await database.ListRangeAsync(key, start, start + EntriesAtOnce - 1);
            foreach (var part in entries.GroupBy(target))
            {
                await TakeOnceAsync(part.Key, key, start, step =>
                {
                    step.ListRightPushAsync(Key(part.Key, rest), [.. part], Unheard);
                    Expire(step, Key(part.Key, rest), left);
                });
            }

            if (entries.Length < EntriesAtOnce)
            {
                return;
            }
        }
    }

    // What was asked of an old partition is asked of all that have mail of it now. Where several become one, once is enough.
    private async Task MoveAsksAsync(RedisKey key, string rest, int partition)
    {
        var asks = await database.ListRangeAsync(key);
        var shared = Math.Min(from, _partitions.Length) - 1;
        foreach (var to in Enumerable.Range(0, _partitions.Length).Where(to => (to & shared) == (partition & shared)))
        {
            var known = await database.ListRangeAsync(Key(to, rest));
            RedisValue[] missing = [.. asks.Except(known)];
            if (missing.Length > 0)
            {
                await TakeOnceAsync(to, key, 0, step => step.ListRightPushAsync(Key(to, rest), missing, Unheard));
            }
        }
    }

    private async Task MoveHashAsync(RedisKey key, string rest, Func<RedisValue, int> target)
    {
        var left = await database.KeyTimeToLiveAsync(key);
        foreach (var part in (await database.HashGetAllAsync(key)).GroupBy(field => target(field.Name)))
        {
            var to = Key(part.Key, rest);
            var step = database.CreateTransaction();
            _ = step.HashSetAsync(to, [.. part], Unheard);
            Expire(step, to, left);
            beforeWrite();
            await step.RunAsync();
            Require((await database.HashGetAsync(to, [.. part.Select(field => field.Name)])).SequenceEqual(part.Select(field => field.Value)), key);
        }
    }

    // Of several that become one, the latest.
    private async Task MoveNewsAsync(RedisKey key, string rest, int to)
    {
        var news = await database.HashGetAllAsync(key);
        if (TimeOf(news) > TimeOf(await database.HashGetAllAsync(Key(to, rest))))
        {
            var step = database.CreateTransaction();
            _ = step.KeyDeleteAsync(Key(to, rest), Unheard);
            _ = step.HashSetAsync(Key(to, rest), news, Unheard);
            beforeWrite();
            await step.RunAsync();
        }
    }

    private static long TimeOf(HashEntry[] news) =>
        news.Where(field => field.Name == HookStep.Good || field.Name == HookStep.Bad).Select(field => (long)field.Value).DefaultIfEmpty(long.MinValue).Max();

    private async Task MoveCountersAsync(RedisKey key, string rest, int to)
    {
        var left = await database.KeyTimeToLiveAsync(key);
        var counters = await database.HashGetAllAsync(key);
        await TakeOnceAsync(to, key, 0, step =>
        {
            foreach (var counter in counters)
            {
                step.HashIncrementAsync(Key(to, rest), counter.Name, (long)counter.Value, Unheard);
            }

            Expire(step, Key(to, rest), left);
        });
    }

    private static void Expire(IDatabaseAsync step, RedisKey key, TimeSpan? left)
    {
        if (left is not null)
        {
            step.KeyExpireAsync(key, left, Unheard);
        }
    }

    // What may not be written twice is written together with a note that it was.
    private async Task TakeOnceAsync(int to, RedisKey key, int offset, Action<IDatabaseAsync> write)
    {
        var note = string.Create(CultureInfo.InvariantCulture, $"{key} {offset}");
        var step = database.CreateTransaction();
        var isNew = step.AddCondition(Condition.SetNotContains(Taken(tags[to]), note));
        write(step);
        _ = step.SetAddAsync(Taken(tags[to]), note, Unheard);
        beforeWrite();
        Require(await step.RunAsync() || !isNew.WasSatisfied, key);
    }

    private int Of(MessageId id) => id.Partition(_partitions.Length);

    private int OfSlot(int slot) => slot & (_partitions.Length - 1);

    // Old partitions have more than one heir, or share one.
    private int Heir(int partition) => partition & (_partitions.Length - 1);

    // "id", "id/unit" or "id/chunk".
    private int OfMessage(string name) =>
        MessageId.TryParse(name.Split('/')[0], out var id) ? Of(id) : throw new StoreRefusedException($"'{name}' is not the name of a message");

    // "id", "id/unit" or "id account"; what cannot be read is set aside by the relay, wherever it stands.
    private int OfEntry(string entry, int partition) => MessageId.TryParse(entry.Split('/', ' ')[0], out var id) ? Of(id) : Heir(partition);

    private static int IdempotencySlot(string name) =>
        name.Split('|', 2) is [var account, var key] ? new IdempotencyKey(key, "").SlotFor(account) : 0;

    private RedisKey Key(int to, string rest) => $"relay:{{{tags[to]}}}:{rest}";

    private static void Require(bool holds, RedisKey key)
    {
        if (!holds)
        {
            throw new StoreRefusedException($"The copy of '{key}' is not what it should be; the old one stays. Does anything else write to this store?");
        }
    }
}
