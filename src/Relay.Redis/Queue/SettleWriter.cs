using System.Collections.Concurrent;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Relay.Mail.Crashing;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis.Connections;
using Relay.Redis.Journal;
using Relay.Redis.Records;
using Relay.Redis.Steps;
using Relay.Redis.Telemetry;
using StackExchange.Redis;

namespace Relay.Redis.Queue;

/// <summary>
/// Writes settling steps, one at a time for each group of partitions: all that wait while one is on its way go with the
/// next. It has a connection of its own, since its condition makes it wait for an answer in the middle of a step.
/// </summary>
/// <remarks>
/// An outcome stands in the local journal from when it is known until its step is done. One that comes too late, since its
/// partition has another owner by now, or is ours anew, goes to the partition's <c>late</c> list for its owner to look at.
/// </remarks>
internal sealed class SettleWriter(
    Store store, Window window, LocalJournal journal, Drain drain, StoreRetry retry, RedisMetrics metrics, TimeProvider time, ILogger<SettleWriter> logger)
{
    private const int MaxUnits = 512;

    // What happened to units that are tried again before a full store could be told of it.
    private readonly ConcurrentDictionary<UnitId, IReadOnlyList<byte[]>> _untold = new();

    private Channel<PendingSettle>[] _groups = [];

    public Task RunAsync(CancellationToken cancellation)
    {
        _groups = [.. Enumerable.Range(0, store.StepGroups).Select(_ => Channel.CreateUnbounded<PendingSettle>(new() { SingleReader = true }))];
        return Task.WhenAll(_groups.Select(group => RunAsync(group.Reader, cancellation)));
    }

    /// <summary>
    /// Ends when the settlement is durable, turned out to be another owner's business, or put a unit off to a time that has come
    /// before a full store could be told of it.
    /// </summary>
    public Task SettleAsync(Settlement settlement)
    {
        var settle = new PendingSettle(store.PartitionOf(settlement.Lease.Id.Message)) { Settlement = settlement };
        if (!_untold.IsEmpty && _untold.TryRemove(settlement.Lease.Id, out var before))
        {
            settle.Before = before;
        }

        journal.Add(settle.ToEntry(store.Mark));
        CrashPoints.Pass(CrashPoint.JournalDone);
        foreach (var report in settle.Reports(store.Mark))
        {
            window.BeginAccept(settle.Partition, report.Units, report.Due);
        }

        return Add(settle);
    }

    /// <summary>Ends when a part of what was asked is durable, or turned out to be another owner's business.</summary>
    public Task AskedAsync(Partition partition, AskedPart part) => Add(new PendingSettle(partition) { Asked = part });

    /// <summary>Ends when events of units that are settled already are durable.</summary>
    public Task TellAsync(Partition partition, IReadOnlyList<MailEvent> events) => Add(new PendingSettle(partition) { Told = events });

    /// <summary>Ends when the entry is out of its lane, or another owner's business.</summary>
    public Task SetAsideAsync(Partition partition, UnreadableEntry entry) => Add(new PendingSettle(partition) { Aside = entry });

    private Task Add(PendingSettle settle)
    {
        _groups[store.StepGroupOf(settle.Partition)].Writer.TryWrite(settle);
        return settle.Done;
    }

    private async Task RunAsync(ChannelReader<PendingSettle> waiting, CancellationToken cancellation)
    {
        var batch = new List<PendingSettle>();
        while (await waiting.WaitToReadAsync(cancellation))
        {
            batch.Clear();
            while (batch.Count < MaxUnits && waiting.TryRead(out var settle))
            {
                batch.Add(settle);
            }

            await SettleAsync(batch, cancellation);
        }
    }

    private async Task SettleAsync(List<PendingSettle> batch, CancellationToken cancellation)
    {
        var late = batch.Where(IsLate).ToList();
        var steps = Without(batch, late).GroupBy(s => s.Partition).Select(p => new PartitionSettle(p.Key, [.. p])).ToList();
        var sent = false;
        IReadOnlySet<PendingSettle> left = new HashSet<PendingSettle>();
        await retry.ExecuteAsync(
            async token =>
            {
                // A step sent before may have been done though its answer was not seen.
                var undone = sent ? await UndoneAsync(steps) : steps;
                undone = GiveUpFenced(undone, late);
                if (undone.Count > 0)
                {
                    await ReadOpenAsync(undone);
                    sent = true;
                    try
                    {
                        if (!await TryStepAsync(undone))
                        {
                            throw new StepNotDoneException();
                        }
                    }
                    catch (RedisServerException e) when (e.Kind is RedisErrorKind.ExecAbort or RedisErrorKind.OutOfMemory)
                    {
                        if (!(await StoreFailure.OfStepAsync(e, store.Connections.Settling, undone[0].Partition.Keys)).IsFull)
                        {
                            throw;
                        }

                        left = await DrainAsync(undone);
                    }
                }
            },
            cancellation);

        metrics.SettleBatch(batch.Count);
        await TellOwnersAsync(late, cancellation);
        foreach (var settle in Without(batch, late).Where(settle => !left.Contains(settle)))
        {
            Finish(settle);
        }

        if (left.Count > 0 && left.Count + late.Count == batch.Count)
        {
            await drain.WaitAsync(cancellation);
        }

        // Behind what has come meanwhile, some of which can be drained.
        var now = time.GetUtcNow();
        foreach (var settle in left)
        {
            if (IsDueAgain(settle, now))
            {
                TryAgainUntold(settle);
            }
            else
            {
                _ = Add(settle);
            }
        }
    }

    // A part that was delivered has to be durable first.
    private static bool IsDueAgain(PendingSettle settle, DateTimeOffset now) =>
        settle.Settlement is { Next: { } next, Reports.Count: 0 } settlement && settlement.DueAt <= now && next.Open.Count == settlement.Lease.Open.Count;

    /// <summary>
    /// A full store takes no deferral. Were it waited for, the queue could stand still for good: nothing ends, since all that is in
    /// hand is put off, and so nothing frees the store.
    /// </summary>
    private void TryAgainUntold(PendingSettle settle)
    {
        var (lease, next) = (settle.Settlement!.Lease, settle.Settlement.Next);
        _untold[lease.Id] = settle.Events(store.Mark);
        window.Release(lease with { State = next });
        settle.Partition.Attempts.End(lease.Id);
        settle.SetDone();
    }

    // What ended leaves a full store without a step; what is to be written waits. Returns the latter.
    private async Task<IReadOnlySet<PendingSettle>> DrainAsync(List<PartitionSettle> partitions)
    {
        var left = new HashSet<PendingSettle>();
        foreach (var partition in partitions)
        {
            var mayTake = drain.MayTakeFrom(partition.Partition);
            await ReadOpenAsync([partition]);
            var ended = new List<(Lease, IReadOnlyList<byte[]>)>();
            foreach (var settle in partition.Settles)
            {
                if (mayTake && Drain.Covers(settle.Settlement))
                {
                    var events = new List<RedisValue>();
                    AddEvents(events, settle, ends: partition.EndOf(settle.Settlement!.Lease) != UnitEnd.OneOfMany);
                    ended.Add((settle.Settlement.Lease, [.. events.Select(e => (byte[])e!)]));
                }
                else
                {
                    left.Add(settle);
                }
            }

            if (ended.Count > 0)
            {
                await drain.TakeOutAsync(ended);
            }

            partition.IsDone = true;
        }

        return left;
    }

    private static IEnumerable<PendingSettle> Without(List<PendingSettle> batch, List<PendingSettle> late) => late.Count == 0 ? batch : batch.Except(late);

    private static bool IsLate(PendingSettle settle) =>
        settle.Settlement is { } settlement && (!settle.Partition.IsOwned || settlement.Lease.Term != settle.Partition.Term);

    private async Task<bool> TryStepAsync(List<PartitionSettle> partitions)
    {
        var step = store.Connections.Settling.CreateTransaction();
        foreach (var partition in partitions)
        {
            SettleStep.AddFence(step, partition.Partition.Keys, partition.Fence);
            AddWrites(step, partition);
        }

        CrashPoints.Pass(CrashPoint.BeforeAck);
        if (!await step.ExecuteAsync())
        {
            return false;
        }

        CrashPoints.Pass(CrashPoint.AfterAck);

        foreach (var partition in partitions)
        {
            partition.Advance();
        }

        return true;
    }

    private void AddWrites(ITransaction step, PartitionSettle partition)
    {
        var keys = partition.Partition.Keys;
        var events = new List<RedisValue>();
        var reports = new List<PreparedMessage>();
        var noted = new List<RedisValue>();
        foreach (var settle in partition.Settles)
        {
            if (settle.Aside is { } entry)
            {
                SettleStep.AddSetAside(step, keys, entry);
                continue;
            }

            if (settle.Asked is { } part)
            {
                AskStep.Add(step, keys, part);
                continue;
            }

            if (settle.Settlement is not { } settlement)
            {
                events.AddRange(settle.Events(store.Mark).Select(e => (RedisValue)e));
                continue;
            }

            var end = settlement.Next is null ? partition.EndOf(settlement.Lease) : UnitEnd.OneOfMany;
            if (settlement.Next is { } next)
            {
                SettleStep.AddDeferred(step, keys, settlement.Lease, next, settlement.DueAt!.Value.ToUnixTimeMilliseconds());
            }
            else
            {
                SettleStep.AddFinished(step, keys, settlement.Lease, end);
            }

            if (partition.Partition.Dots.IsStored(settlement.Lease.Id))
            {
                noted.Add(settlement.Lease.Id.ToString());
            }

            AddEvents(events, settle, ends: settlement.Next is null && end != UnitEnd.OneOfMany);
            reports.AddRange(settle.Reports(store.Mark));
        }

        if (reports.Count > 0)
        {
            AcceptStep.Add(step, keys, reports);
        }

        if (noted.Count > 0)
        {
            SettleStep.AddDotsGone(step, keys, [.. noted]);
        }

        if (events.Count > 0)
        {
            SettleStep.AddEvents(step, keys, [.. events]);
        }
    }

    private void AddEvents(List<RedisValue> events, PendingSettle settle, bool ends)
    {
        var told = settle.Events(store.Mark);
        for (var i = 0; i < told.Count; i++)
        {
            EventRecord.SetEnds(told[i], ends && i == told.Count - 1);
            events.Add(told[i]);
        }
    }

    /// <summary>Which of them were not done, by what the store says now.</summary>
    private async Task<List<PartitionSettle>> UndoneAsync(List<PartitionSettle> partitions)
    {
        var undone = new List<PartitionSettle>();
        foreach (var partition in partitions.Where(p => !p.IsDone))
        {
            var now = Fence.Parse(await store.Connections.Settling.StringGetAsync(partition.Partition.Keys.Settled, StoreConnections.FromPrimary));
            if (now == partition.Fence.Next)
            {
                partition.Advance();
            }
            else
            {
                // Only we write in our epoch: an earlier step of it is a store that failed over and lost the later ones.
                if (now.Epoch == partition.Fence.Epoch && now.Sequence < partition.Fence.Sequence)
                {
                    partition.GoBack(now);
                    store.Doubt();
                }

                partition.IsFenced = now != partition.Fence;
                undone.Add(partition);
            }
        }

        return undone;
    }

    private List<PartitionSettle> GiveUpFenced(List<PartitionSettle> partitions, List<PendingSettle> late)
    {
        foreach (var partition in partitions.Where(p => p.IsFenced || !p.IsCurrent))
        {
            partition.IsDone = true;
            if (partition.IsCurrent)
            {
                partition.Partition.Lose();
                window.Drop(partition.Partition);
            }

            late.AddRange(partition.Settles.Where(s => s.Settlement is not null));
        }

        return [.. partitions.Where(p => !p.IsDone)];
    }

    /// <summary>
    /// The owner settles what it has not tried since, and tells of what was delivered twice. Whether a step of ours was done
    /// just before the partition went away is not known here; the owner sees it from what is told already.
    /// </summary>
    private async Task TellOwnersAsync(List<PendingSettle> late, CancellationToken cancellation)
    {
        foreach (var partition in late.GroupBy(s => s.Partition))
        {
            RedisValue[] entries = [.. partition.Select(s => (RedisValue)s.ToEntry(store.Mark).ToArray())];
            await retry.ExecuteAsync(_ => store.Connections.Background.ListRightPushAsync(partition.Key.Keys.Late, entries), cancellation);
            metrics.Late(entries.Length);
            logger.SettleFenced(entries.Length, partition.Key.Number);
        }

        foreach (var settle in late)
        {
            var lease = settle.Settlement!.Lease;
            foreach (var report in settle.Reports(store.Mark))
            {
                window.AbandonAccept(report.Units);
            }

            window.Release(lease);
            End(settle, lease.Id);
        }
    }

    private void End(PendingSettle settle, UnitId unit)
    {
        settle.Partition.Attempts.End(unit);
        journal.End(unit);
        settle.SetDone();
    }

    // Only the owner takes from these sets, and only here, so what is read stays true until the step.
    private async Task ReadOpenAsync(List<PartitionSettle> partitions)
    {
        foreach (var partition in partitions)
        {
            partition.Open.Clear();
            var ids = partition.Settles
                .Where(s => s.Settlement is { Next: null } settlement && settlement.Lease.HasSiblings())
                .Select(s => s.Settlement!.Lease.Id.Message)
                .Distinct();
            foreach (var id in ids)
            {
                var members = await store.Connections.Settling.SetMembersAsync(partition.Partition.Keys.Open(id), StoreConnections.FromPrimary);
                partition.Open[id] = [.. members.Select(m => (int)m)];
            }
        }
    }

    private void Finish(PendingSettle settle)
    {
        if (settle.Aside is { } entry)
        {
            metrics.SetAside();
            logger.SetAside(entry.Unit, entry.Lane, entry.Reason);
            if (UnitId.TryParse(entry.Unit, out var id))
            {
                window.SetAside(id);
            }
        }
        else if (settle.Settlement is { } settlement)
        {
            var unit = settlement.Lease.Id;
            if (store.CanGoBack)
            {
                settle.Partition.Recent.Add(settle.ToEntry(store.Mark), time.GetUtcNow());
            }

            settle.Partition.Dots.End(unit);
            window.Settled(unit, settlement.DueAt?.ToUnixTimeMilliseconds());
            foreach (var report in settle.Reports(store.Mark))
            {
                window.EndAccept(settle.Partition, report.Message, report.Units, report.Due);
            }

            End(settle, unit);
            return;
        }

        settle.SetDone();
    }

    /// <summary>What is settled in one partition by one step.</summary>
    private sealed class PartitionSettle(Partition partition, IReadOnlyList<PendingSettle> settles)
    {
        private readonly long _term = partition.Term;

        public Partition Partition { get; } = partition;
        public IReadOnlyList<PendingSettle> Settles { get; } = settles;

        /// <summary>As it was when the batch began: a step of one term is never sent with the fence of another.</summary>
        public Fence Fence { get; private set; } = partition.Settled;

        public bool IsCurrent => Partition.IsOwned && Partition.Term == _term;
        public bool IsDone { get; set; }
        public bool IsFenced { get; set; }

        /// <summary>The units still open of messages that have several.</summary>
        public Dictionary<MessageId, HashSet<int>> Open { get; } = [];

        /// <summary>The step is done.</summary>
        public void Advance()
        {
            IsDone = true;
            if (IsCurrent)
            {
                Partition.Settled = Fence.Next;
            }
        }

        /// <summary>The store is at an earlier step than we knew.</summary>
        public void GoBack(Fence now)
        {
            Fence = now;
            if (IsCurrent)
            {
                Partition.Settled = now;
                Partition.HasGoneBack = Partition.GoneBackTo != now;
            }
        }

        public UnitEnd EndOf(Lease lease)
        {
            if (!Open.TryGetValue(lease.Id.Message, out var open))
            {
                return UnitEnd.Only;
            }

            open.Remove(lease.Id.Number);
            return open.Count == 0 ? UnitEnd.Last : UnitEnd.OneOfMany;
        }
    }
}

/// <summary>A settlement, an entry to set aside, or a part of what was asked, on its way into the store.</summary>
internal sealed class PendingSettle(Partition partition)
{
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private IReadOnlyList<PreparedMessage>? _reports;
    private IReadOnlyList<byte[]>? _events;

    public Partition Partition { get; } = partition;
    public Settlement? Settlement { get; init; }
    public UnreadableEntry? Aside { get; init; }

    /// <summary>Events of attempts before this one that were never settled.</summary>
    public IReadOnlyList<byte[]> Before { get; set; } = [];

    public AskedPart? Asked { get; init; }

    /// <summary>Of units that are settled already.</summary>
    public IReadOnlyList<MailEvent> Told { get; init; } = [];

    public Task Done => _done.Task;

    public void SetDone() => _done.TrySetResult();

    /// <summary>As they go into the outbox, and into the journal before.</summary>
    public IReadOnlyList<byte[]> Events(int mark) => _events ??= [.. Before, .. (Settlement?.Events ?? Told).Select(e => EventRecord.Write(e, mark, ends: false))];

    public DoneEntry ToEntry(int mark) => new(Settlement!.Lease.Id, Settlement.Lease.Attempts)
    {
        Next = Settlement.Next,
        Due = Settlement.DueAt?.ToUnixTimeMilliseconds(),
        Events = Events(mark),
        Reports = [.. Reports(mark).Select(r => (r.Message.Id, r.Record))],
    };

    public IReadOnlyList<PreparedMessage> Reports(int mark) =>
        _reports ??= Settlement is { Reports.Count: > 0 } ? [.. Settlement.Reports.Select(r => new PreparedMessage(r, mark))] : [];
}

internal static class LeaseExtensions
{
    /// <summary>The message has more than one unit.</summary>
    public static bool HasSiblings(this Lease lease) => lease.Unit.Recipients.Count < lease.Message.Envelope.Recipients.Count;
}
