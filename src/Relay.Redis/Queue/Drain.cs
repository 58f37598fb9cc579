using Microsoft.Extensions.Logging;
using Relay.Mail.Queue;
using Relay.Redis.Connections;
using Relay.Redis.Keys;
using StackExchange.Redis;

namespace Relay.Redis.Queue;

/// <summary>
/// Empties a store that is so full that it refuses every step, the removing ones too. What ended is taken out command by
/// command, which a full store still does and which frees it; its events wait in a file until a step works again.
/// <code>
/// file       the unit, where it stands, its events; on the disk before anything is removed
/// then       ZREM lane:L unit, DEL u:ID/n, HDEL dots "unit turn"..., SREM open:ID n, and with the last unit UNLINK m:ID, open:ID, m:ID/k
/// later      on condition drains:NODE SLOT = S, of each slot: RPUSH outbox events, HSET drains:NODE SLOT S'
/// </code>
/// What was told is noted by the slots of the messages, so that it stays exact when the store gets another number of partitions.
/// Every one of these can be done again: a process that was killed in between goes on where it stopped. An outcome that
/// writes (a deferral, a report) cannot be drained and waits for room.
/// </summary>
internal sealed class Drain(
    Store store, StoreRetry retry, TimeProvider time, ILogger<Drain> logger) : IDisposable
{
    private const int UnitsPerStep = 256;
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly List<DrainedUnit> _untold = [];
    private TaskCompletionSource _added = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private DrainFile? _file;
    private IReadOnlyList<DrainedUnit> _left = [];
    private long _sequence;

    // Units that stand in the file and are being taken out.
    private int _leaving;

    /// <summary>The partition is surely ours: no fence stands before the commands that take out.</summary>
    public bool MayTakeFrom(Partition partition) => partition.IsOwned && time.GetTimestamp() < partition.LiveUntil;

    public static bool Covers(Settlement? settlement) => settlement is { Next: null, Reports.Count: 0 };

    /// <summary>Opens the file, and returns the units that an earlier process drained: their outcome is here, not in the journal.</summary>
    public IReadOnlySet<UnitId> Open(string dataDirectory)
    {
        _file = DrainFile.Open(dataDirectory, out var left);
        _sequence = Math.Max(time.GetUtcNow().Ticks, left.Count == 0 ? 0 : left.Max(unit => unit.Sequence));
        _untold.AddRange(left);
        _left = left;
        return left.Select(IdOf).ToHashSet();
    }

    /// <summary>Takes out what an earlier process meant to; for a partition that is about to be ours, before anything of it can be leased.</summary>
    public Task TakeOutLeftAsync(Partition partition) =>
        RemoveAsync([.. _left.Where(unit => store.PartitionOf(IdOf(unit).Message) == partition)]);

    /// <summary>
    /// Takes units of a partition out of a full store. What stands in the file is told from there, be it by the next process: so
    /// once it does the units are taken out here and by no step, though the store goes away in the midst of it or has room again.
    /// </summary>
    /// <param name="ended">With the events as they are to stand in the outbox.</param>
    public async Task TakeOutAsync(Partition partition, IReadOnlyList<(Lease Lease, IReadOnlyList<byte[]> Events)> ended, CancellationToken cancellation)
    {
        var term = partition.Term;
        var units = new List<DrainedUnit>(ended.Count);
        lock (_lock)
        {
            foreach (var (lease, events) in ended)
            {
                units.Add(new DrainedUnit(
                    ++_sequence, lease.Id.ToString(), lease.Unit.Lane.ToString(), lease.Message.Content.Chunks, lease.HasSiblings(), events));
            }

            _file!.Append(units);
            _leaving += units.Count;
        }

        await retry.ExecuteAsync(
            async _ =>
            {
                // Once it is another's, what he has of it is his to say; what happened here is told all the same.
                if (!partition.IsOwned || partition.Term != term)
                {
                    return;
                }

                if (!MayTakeFrom(partition))
                {
                    throw new StepNotDoneException();
                }

                await RemoveAsync(units);
            },
            cancellation);
        lock (_lock)
        {
            _leaving -= units.Count;
            _untold.AddRange(units);
            _added.TrySetResult();
        }

        logger.Drained(units.Count);
    }

    /// <summary>Tells what was drained, as soon as the store takes steps again.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            Task added;
            List<DrainedUnit> units;
            lock (_lock)
            {
                if (_added.Task.IsCompleted)
                {
                    _added = new(TaskCreationOptions.RunContinuationsAsynchronously);
                }

                added = _added.Task;
                units = [.. _untold];
            }

            if (units.Count == 0)
            {
                await added.WaitAsync(cancellation);
                continue;
            }

            try
            {
                foreach (var partition in units.GroupBy(unit => store.PartitionOf(IdOf(unit).Message)))
                {
                    foreach (var part in partition.OrderBy(unit => unit.Sequence).Chunk(UnitsPerStep))
                    {
                        await TellAsync(partition.Key, part);
                    }
                }

                Forget(units);
            }
            catch (Exception e) when (StoreFailure.Covers(e) || e is StoreUnavailableException or IOException)
            {
                await Task.Delay(Pause, time, cancellation);
            }
        }
    }

    public void Dispose() => _file?.Dispose();

    private async Task RemoveAsync(IReadOnlyList<DrainedUnit> units)
    {
        var database = store.Connections.Settling;
        await Task.WhenAll(units.Select(async unit =>
        {
            var id = IdOf(unit);
            var partition = store.PartitionOf(id.Message);
            var keys = partition.Keys;

            // From its lane first: an entry never stands there without its record.
            await database.SortedSetRemoveAsync(keys.Lane(LaneOf(unit)), unit.Unit).InTimeAsync();
            await database.KeyDeleteAsync(keys.Unit(id)).InTimeAsync();
            await RemoveNotesAsync(database, keys, partition.Dots.NotesOf(id));
            if (unit.HasSiblings)
            {
                await database.SetRemoveAsync(keys.Open(id.Message), id.Number).InTimeAsync();
                if (await database.SetLengthAsync(keys.Open(id.Message), StoreConnections.FromPrimary).InTimeAsync() > 0)
                {
                    return;
                }
            }

            await database.KeyDeleteAsync([keys.Message(id.Message), .. Enumerable.Range(0, unit.Chunks).Select(chunk => keys.Chunk(id.Message, chunk))]).InTimeAsync();
        }));
    }

    // What an earlier process noted of a unit is found by whoever takes the partition, and the unit is not.
    private static Task RemoveNotesAsync(IDatabase database, PartitionKeys keys, IReadOnlyList<string> notes) =>
        notes.Count == 0 ? Task.CompletedTask : database.HashDeleteAsync(keys.Dots, [.. notes.Select(note => (RedisValue)note)]).InTimeAsync();

    private async Task TellAsync(Partition partition, DrainedUnit[] units)
    {
        var database = store.Connections.Background;
        var key = partition.Keys.Drained(store.NodeId);
        while (true)
        {
            var told = (await database.HashGetAllAsync(key, StoreConnections.FromPrimary).InTimeAsync()).ToDictionary(slot => (int)slot.Name, slot => (long)slot.Value);
            var rest = units.Where(unit => unit.Sequence > told.GetValueOrDefault(SlotOf(unit))).ToList();
            if (rest.Count == 0)
            {
                return;
            }

            var slots = rest.GroupBy(SlotOf).ToList();
            var step = database.CreateTransaction();
            foreach (var slot in slots.Select(slot => slot.Key))
            {
                step.AddCondition(told.TryGetValue(slot, out var last) ? Condition.HashEqual(key, slot, last) : Condition.HashNotExists(key, slot));
            }

            _ = step.ListRightPushAsync(
                partition.Keys.Outbox, [.. rest.SelectMany(unit => unit.Events).Select(octets => (RedisValue)octets)], CommandFlags.FireAndForget);
            _ = step.HashSetAsync(key, [.. slots.Select(slot => new HashEntry(slot.Key, slot.Max(unit => unit.Sequence)))], CommandFlags.FireAndForget);
            if (await step.RunAsync())
            {
                return;
            }
        }
    }

    private void Forget(List<DrainedUnit> told)
    {
        lock (_lock)
        {
            _untold.RemoveAll(told.ToHashSet().Contains);
            if (_untold.Count == 0 && _leaving == 0)
            {
                _file!.Clear();
            }
        }
    }

    private static UnitId IdOf(DrainedUnit unit) => UnitId.TryParse(unit.Unit, out var id) ? id : throw new FormatException($"'{unit.Unit}' is not a unit");

    private static int SlotOf(DrainedUnit unit) => IdOf(unit).Message.Slot;

    private static Lane LaneOf(DrainedUnit unit) => Lane.TryParse(unit.Lane, out var lane) ? lane : throw new FormatException($"'{unit.Lane}' is not a lane");
}
