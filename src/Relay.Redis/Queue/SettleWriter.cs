using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Relay.Mail.Crashing;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis.Connections;
using Relay.Redis.Records;
using Relay.Redis.Steps;
using Relay.Redis.Telemetry;
using StackExchange.Redis;

namespace Relay.Redis.Queue;

/// <summary>
/// Writes settling steps, one at a time for each group of partitions: all that wait while one is on its way go with the
/// next. It has a connection of its own, since its condition makes it wait for an answer in the middle of a step.
/// </summary>
internal sealed class SettleWriter(
    Store store, Window window, StoreRetry retry, RedisMetrics metrics, ILogger<SettleWriter> logger)
{
    private const int MaxUnits = 512;

    private Channel<PendingSettle>[] _groups = [];

    public Task RunAsync(CancellationToken cancellation)
    {
        _groups = [.. Enumerable.Range(0, store.StepGroups).Select(_ => Channel.CreateUnbounded<PendingSettle>(new() { SingleReader = true }))];
        return Task.WhenAll(_groups.Select(group => RunAsync(group.Reader, cancellation)));
    }

    /// <summary>Ends when the settlement is durable, or turned out to be another owner's business.</summary>
    public Task SettleAsync(Settlement settlement)
    {
        var settle = new PendingSettle(store.PartitionOf(settlement.Lease.Id.Message)) { Settlement = settlement };
        foreach (var report in settle.Reports(store.Mark))
        {
            window.BeginAccept(settle.Partition, report.Units, report.Due);
        }

        return Add(settle);
    }

    /// <summary>Ends when a part of what was asked is durable, or turned out to be another owner's business.</summary>
    public Task AskedAsync(Partition partition, AskedPart part) => Add(new PendingSettle(partition) { Asked = part });

    public void SetAside(Partition partition, UnreadableEntry entry) => Add(new PendingSettle(partition) { Aside = entry });

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
        var steps = batch.GroupBy(s => s.Partition).Select(p => new PartitionSettle(p.Key, [.. p])).ToList();
        var sent = false;
        await retry.ExecuteAsync(
            async token =>
            {
                // A step sent before may have been done though its answer was not seen.
                var undone = sent ? await UndoneAsync(steps) : steps;
                undone = GiveUpFenced(undone);
                if (undone.Count > 0)
                {
                    await ReadOpenAsync(undone);
                    sent = true;
                    if (!await TryStepAsync(undone))
                    {
                        throw new StepNotDoneException();
                    }
                }
            },
            cancellation);

        metrics.SettleBatch(batch.Count);
        foreach (var settle in batch)
        {
            Finish(settle);
        }
    }

    private async Task<bool> TryStepAsync(List<PartitionSettle> partitions)
    {
        var step = store.Connections.Settling.CreateTransaction();
        foreach (var partition in partitions)
        {
            SettleStep.AddFence(step, partition.Partition.Keys, partition.Partition.Settled);
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
            partition.IsDone = true;
            partition.Partition.Settled = partition.Partition.Settled.Next;
        }

        return true;
    }

    private void AddWrites(ITransaction step, PartitionSettle partition)
    {
        var keys = partition.Partition.Keys;
        var events = new List<RedisValue>();
        var reports = new List<PreparedMessage>();
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

            var settlement = settle.Settlement!;
            var end = settlement.Next is null ? partition.EndOf(settlement.Lease) : UnitEnd.OneOfMany;
            if (settlement.Next is { } next)
            {
                SettleStep.AddDeferred(step, keys, settlement.Lease, next, settlement.DueAt!.Value.ToUnixTimeMilliseconds());
            }
            else
            {
                SettleStep.AddFinished(step, keys, settlement.Lease, end);
            }

            AddEvents(events, settlement, ends: settlement.Next is null && end != UnitEnd.OneOfMany);
            reports.AddRange(settle.Reports(store.Mark));
        }

        if (reports.Count > 0)
        {
            AcceptStep.Add(step, keys, reports);
        }

        if (events.Count > 0)
        {
            SettleStep.AddEvents(step, keys, [.. events]);
        }
    }

    private void AddEvents(List<RedisValue> events, Settlement settlement, bool ends)
    {
        var last = settlement.Events.Count - 1;
        for (var i = 0; i <= last; i++)
        {
            events.Add(EventRecord.Write(settlement.Events[i], store.Mark, ends && i == last));
        }
    }

    /// <summary>Which of them were not done, by what the store says now.</summary>
    private async Task<List<PartitionSettle>> UndoneAsync(List<PartitionSettle> partitions)
    {
        var undone = new List<PartitionSettle>();
        foreach (var partition in partitions.Where(p => !p.IsDone))
        {
            var now = Fence.Parse(await store.Connections.Settling.StringGetAsync(partition.Partition.Keys.Settled, StoreConnections.FromPrimary));
            if (now == partition.Partition.Settled.Next)
            {
                partition.IsDone = true;
                partition.Partition.Settled = now;
            }
            else
            {
                // Only we write in our epoch: an earlier step of it is a store that failed over and lost the later ones.
                var wentBack = now.Epoch == partition.Partition.Settled.Epoch && now.Sequence < partition.Partition.Settled.Sequence;
                partition.Partition.Settled = wentBack ? now : partition.Partition.Settled;
                partition.IsFenced = now != partition.Partition.Settled;
                undone.Add(partition);
            }
        }

        return undone;
    }

    private List<PartitionSettle> GiveUpFenced(List<PartitionSettle> partitions)
    {
        foreach (var partition in partitions.Where(p => p.IsFenced || !p.Partition.IsOwned))
        {
            partition.IsDone = true;
            if (partition.Partition.IsOwned)
            {
                partition.Partition.IsOwned = false;
                window.Drop(partition.Partition);
            }

            logger.SettleFenced(partition.Settles.Count, partition.Partition.Number);
        }

        return [.. partitions.Where(p => !p.IsDone)];
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
            window.Settled(settlement.Lease.Id, settlement.DueAt?.ToUnixTimeMilliseconds());
            foreach (var report in settle.Reports(store.Mark))
            {
                window.EndAccept(settle.Partition, report.Message, report.Units, report.Due);
            }
        }

        settle.SetDone();
    }

    /// <summary>What is settled in one partition by one step.</summary>
    private sealed class PartitionSettle(Partition partition, IReadOnlyList<PendingSettle> settles)
    {
        public Partition Partition { get; } = partition;
        public IReadOnlyList<PendingSettle> Settles { get; } = settles;
        public bool IsDone { get; set; }
        public bool IsFenced { get; set; }

        /// <summary>The units still open of messages that have several.</summary>
        public Dictionary<MessageId, HashSet<int>> Open { get; } = [];

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

    public Partition Partition { get; } = partition;
    public Settlement? Settlement { get; init; }
    public UnreadableEntry? Aside { get; init; }
    public AskedPart? Asked { get; init; }
    public Task Done => _done.Task;

    public void SetDone() => _done.TrySetResult();

    public IReadOnlyList<PreparedMessage> Reports(int mark) =>
        _reports ??= Settlement is { Reports.Count: > 0 } ? [.. Settlement.Reports.Select(r => new PreparedMessage(r, mark))] : [];
}

internal static class LeaseExtensions
{
    /// <summary>The message has more than one unit.</summary>
    public static bool HasSiblings(this Lease lease) => lease.Unit.Recipients.Count < lease.Message.Envelope.Recipients.Count;
}
