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
    Store store, Window window, LocalJournal journal, FullStoreSettles full, StoreRetry retry, RedisMetrics metrics, TimeProvider time, ILogger<SettleWriter> logger)
{
    private const int MaxUnits = 512;

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
        full.Recall(settle);
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
        var left = new HashSet<PendingSettle>();
        await retry.ExecuteAsync(
            async token =>
            {
                // A step sent before may have been done though its answer was not seen.
                var undone = sent ? await UndoneAsync(steps) : steps;
                undone = GiveUpFenced(undone, late);
                if (undone.Count > 0)
                {
                    foreach (var partition in undone)
                    {
                        await partition.ReadAsync(store.Connections.Settling);
                    }

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

                        await full.DrainAsync(undone, left, token);
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
            await full.WaitAsync(cancellation);
        }

        // Behind what has come meanwhile, some of which can be drained.
        foreach (var settle in left)
        {
            if (!full.TryAgain(settle))
            {
                _ = Add(settle);
            }
        }
    }

    private static IEnumerable<PendingSettle> Without(List<PendingSettle> batch, List<PendingSettle> late) => late.Count == 0 ? batch : batch.Except(late);

    private static bool IsLate(PendingSettle settle) =>
        settle.Settlement is { } settlement && (!settle.Partition.IsOwned || settlement.Lease.Term != settle.Partition.Term);

    private async Task<bool> TryStepAsync(List<PartitionSettle> partitions)
    {
        var step = store.Connections.Settling.CreateTransaction();
        foreach (var partition in partitions)
        {
            partition.AddTo(step, store.Mark);
        }

        CrashPoints.Pass(CrashPoint.BeforeAck);
        if (!await step.RunAsync())
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

    /// <summary>Which of them were not done, by what the store says now.</summary>
    private async Task<List<PartitionSettle>> UndoneAsync(List<PartitionSettle> partitions)
    {
        var undone = new List<PartitionSettle>();
        foreach (var partition in partitions.Where(p => !p.IsDone))
        {
            var now = Fence.Parse(await store.Connections.Settling.StringGetAsync(partition.Partition.Keys.Settled, StoreConnections.FromPrimary).InTimeAsync());
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
            await retry.ExecuteAsync(_ => store.Connections.Background.ListRightPushAsync(partition.Key.Keys.Late, entries).InTimeAsync(), cancellation);
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
}
