using Microsoft.Extensions.Options;
using Relay.Mail.Crashing;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis.Connections;
using Relay.Redis.Durability;
using Relay.Redis.Journal;
using Relay.Redis.Nodes;
using Relay.Redis.Steps;
using Relay.Redis.Usage;
using StackExchange.Redis;

namespace Relay.Redis.Queue;

/// <summary>The queue as intake and delivery see it: a door to the writers and the window behind it.</summary>
internal sealed class RedisMailQueue(
    Store store, Window window, AcceptWriter accepts, SettleWriter settles, Canceller canceller, Watermark watermark, Acknowledgement acknowledgement,
    UsageStep usage, LocalJournal journal, DotWriter dots, NodeRegistry nodes, SlotChoice slots, Wakes wakes,
    IOptions<StoreOptions> options, TimeProvider time) : IMailQueue
{
    // The window looks by itself that often at what nobody told it of.
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(1);

    // A store that does not take a note now is asked again while a connection to a remote stands still.
    private static readonly TimeSpan NotingPause = TimeSpan.FromMilliseconds(50);

    // The step itself is bounded by the same time; this covers what waited in front of it.
    private readonly TimeSpan _answerTimeout = options.Value.Queue.AnswerTimeout * 2;

    public async ValueTask<EnqueueResult> EnqueueAsync(Message message, IdempotencyKey? idempotency, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        if (!store.IsReachable)
        {
            return new EnqueueResult.StoreUnavailable("the store is not reachable");
        }

        if (store.IsForeign)
        {
            return new EnqueueResult.StoreUnavailable("the store is not the one that the relay was started on");
        }

        if (watermark.IsReached || (watermark.IsNear && (message.Source == MessageSource.Inbound || message.Mode == MessageMode.Test)))
        {
            return new EnqueueResult.StoreFull("the store is nearly full");
        }

        if (idempotency is { IsOfMail: true })
        {
            message = message with { RepeatKey = idempotency.Key };
        }

        var accept = new PendingAccept(store.PartitionOf(message.Id), new PreparedMessage(message, store.Mark));
        var home = idempotency is null ? null : HomeOf(accept, idempotency);
        window.BeginAccept(accept.Partition, accept.Message.Units, accept.Message.Due);

        if (idempotency is null && message.Content.Chunks == 0)
        {
            accepts.Add(accept);
        }
        else
        {
            accept.TryStart();
            EnqueueResult? duplicate;
            try
            {
                duplicate = await GuardedAsync(accept, home, idempotency);
            }
            catch (Exception e)
            {
                // A mistake of ours. It may have been written, and would be held here as if it were still on its way.
                accept.Answered(StoreFailure.Of(e) with { IsCertain = false });
                canceller.Cancel(accept, idempotency);
                throw;
            }

            if (duplicate is not null)
            {
                window.AbandonAccept(accept.Message.Units);
                return duplicate;
            }
        }

        return await AnswerAsync(accept, idempotency);
    }

    public ValueTask<EnqueueResult.Duplicate?> FindFirstAsync(string account, IdempotencyKey idempotency, CancellationToken cancellation) =>
        !store.IsOpen || store.IsForeign
            ? throw new StoreUnavailableException("the store is not the one that the relay was started on, or not known yet")
            : StoreFailure.TranslateAsync(
                FindFirstAsync(store.Connections.Reading, store.PartitionOfSlot(idempotency.SlotFor(account)), account, idempotency), cancellation);

    public async ValueTask<IReadOnlyList<Lease>> LeaseDueAsync(LeaseDemand demand, CancellationToken cancellation)
    {
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();

            // Asked for before looking, so that nothing arrives unheard in between.
            var changed = window.Changed;
            var leases = window.Take(demand);
            if (leases.Count > 0)
            {
                return leases;
            }

            await changed.WaitAsync(LongestWait, time, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public async ValueTask SettleAsync(Settlement settlement, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        if (settlement.Next is null != settlement.DueAt is null)
        {
            throw new ArgumentException("a unit goes on waiting if and only if it has a due time", nameof(settlement));
        }

        await settles.SettleAsync(settlement).WaitAsync(cancellation);
    }

    public bool TryBegin(Lease lease)
    {
        if (!store.IsOpen)
        {
            return false;
        }

        var partition = store.PartitionOf(lease.Id.Message);
        if (!IsOurs(partition, lease) || time.GetTimestamp() >= partition.LiveUntil || !window.MayBegin(lease))
        {
            return false;
        }

        partition.Attempts.Begin(lease.Id);
        return true;
    }

    public ValueTask<bool> TryBeginDotAsync(Lease lease, string host, CancellationToken cancellation)
    {
        if (!store.IsOpen)
        {
            return ValueTask.FromResult(false);
        }

        var partition = store.PartitionOf(lease.Id.Message);
        if (!MayEnd(partition, lease))
        {
            return ValueTask.FromResult(false);
        }

        var dot = DotEntry.Of(lease, host, time.GetUtcNow());
        journal.Add(dot);
        window.BeginDot(lease.Id);
        return nodes.HasPeers ? NoteAsync(partition, lease, dot, cancellation) : ValueTask.FromResult(true);
    }

    public void Open(Gate gate) => window.Open(gate);

    public int ChooseSlot() => slots.Choose();

    public void Release(Lease lease)
    {
        window.Release(lease);
        journal.End(lease.Id);
        if (store.IsOpen)
        {
            store.PartitionOf(lease.Id.Message).Attempts.End(lease.Id);
        }
    }

    /// <summary>Another node could take the partition from us: it has to find where the unit may be.</summary>
    private async ValueTask<bool> NoteAsync(Partition partition, Lease lease, DotEntry dot, CancellationToken cancellation)
    {
        var written = Task.FromResult(false);
        try
        {
            while (MayEnd(partition, lease))
            {
                written = dots.WriteAsync(partition, lease, dot);
                if (!await written.WaitAsync(cancellation))
                {
                    await Task.Delay(NotingPause, time, cancellation);
                }
                else if (MayEnd(partition, lease))
                {
                    return true;
                }
            }
        }
        catch (OperationCanceledException)
        {
            _ = dots.TakeBackAsync(partition, lease, written);
            throw;
        }

        // The answer came late, or not at all.
        await dots.TakeBackAsync(partition, lease, written);
        return false;
    }

    private bool MayEnd(Partition partition, Lease lease) => IsOurs(partition, lease) && time.GetTimestamp() < partition.DotUntil;

    private static bool IsOurs(Partition partition, Lease lease) => partition.IsOwned && lease.Term == partition.Term;

    private async Task<EnqueueResult> AnswerAsync(PendingAccept accept, IdempotencyKey? idempotency)
    {
        StoreFailure? failure;
        try
        {
            // The client may go away meanwhile; the message is accepted all the same, or not.
            failure = await accept.Answer.WaitAsync(_answerTimeout, time);
        }
        catch (TimeoutException e)
        {
            failure = StoreFailure.Of(e) with { IsCertain = accept.TryGiveUp() };
        }

        switch (failure)
        {
            case null:
                window.EndAccept(accept.Partition, accept.Message.Message, accept.Message.Units, accept.Message.Due);
                if (!accept.Partition.IsServed)
                {
                    wakes.Arrived(accept.Partition, accept.Message.Units, accept.Message.Due);
                }

                return EnqueueResult.Accepted.Instance;

            case { IsCertain: true, IsFull: true }:
                window.AbandonAccept(accept.Message.Units);
                return new EnqueueResult.StoreFull(failure.Value.Reason);

            case { IsCertain: true }:
                window.AbandonAccept(accept.Message.Units);
                return new EnqueueResult.StoreUnavailable(failure.Value.Reason);

            default:
                canceller.Cancel(accept, idempotency);
                return new EnqueueResult.StoreUnavailable(failure.Value.Reason);
        }
    }

    /// <summary>Writes one message with its conditions. Returns the answer when they did not hold; else the accept has its own.</summary>
    private async Task<EnqueueResult?> GuardedAsync(PendingAccept accept, Partition? home, IdempotencyKey? idempotency)
    {
        var message = accept.Message.Message;
        var database = store.Connections.Guarded;
        for (var attempt = 0; ; attempt++)
        {
            var step = database.CreateTransaction();
            AcceptStep.Add(step, accept.Partition.Keys, [accept.Message]);
            usage.Add(step, accept.Partition.Keys, [message]);
            var conditions = AcceptStep.AddChunks(step, accept.Partition.Keys, message);
            if (idempotency is not null)
            {
                conditions.Add(AcceptStep.AddIdempotency(step, home!.Keys, message, idempotency));
            }

            var mark = acknowledgement.IsAsked ? acknowledgement.MarkAlone(step, accept.Partition) : default(AcceptMark?);
            try
            {
                CrashPoints.Pass(CrashPoint.BeforeCommit);
                if (await step.RunAsync())
                {
                    CrashPoints.Pass(CrashPoint.AfterCommit);
                    accept.Answered(mark is { } asked ? await acknowledgement.WaitAsync(asked) : null);
                    return null;
                }

                usage.Forget();
                if (conditions.TrueForAll(c => c.WasSatisfied) && attempt < StoreRetry.AbortsAtOnce)
                {
                    continue;
                }

                return idempotency is not null && await FindFirstAsync(database, home!, message.Account, idempotency) is { } first
                    ? first
                    : new EnqueueResult.StoreUnavailable("the store aborted the step, or a part of the content is no longer there");
            }
            catch (Exception e) when (StoreFailure.Covers(e))
            {
                usage.Forget();
                var failure = await StoreFailure.OfStepAsync(e, database, accept.Partition.Keys);
                if (failure.IsOver && attempt < StoreRetry.AbortsAtOnce)
                {
                    continue;
                }

                accept.Answered(failure);
                return null;
            }
        }
    }

    private static async Task<EnqueueResult.Duplicate?> FindFirstAsync(IDatabase database, Partition home, string account, IdempotencyKey idempotency)
    {
        var first = (string?)await database.StringGetAsync(home.Keys.Idempotency(account, idempotency.Key), StoreConnections.FromPrimary).InTimeAsync();
        return first?.Split(' ', 2) is [var id, var fingerprint] && MessageId.TryParse(id, out var named)
            ? new EnqueueResult.Duplicate(named, fingerprint)
            : null;
    }

    private Partition HomeOf(PendingAccept accept, IdempotencyKey idempotency)
    {
        var home = store.PartitionOfSlot(idempotency.SlotFor(accept.Message.Message.Account));
        return home == accept.Partition || !store.Connections.IsCluster
            ? home
            : throw new ArgumentException("on a cluster a message with an idempotency key has its id in the key's slot");
    }
}
