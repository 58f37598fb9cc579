using System.Collections.Concurrent;
using Relay.Mail.Queue;

namespace Relay.Redis.Queue;

/// <summary>
/// What becomes of outcomes while the store is full: what ended leaves it without a step (<see cref="Drain"/>), what is to be
/// written waits for room. Its time may come before: then the unit is tried again, and what happened to it is told with what
/// happens next.
/// </summary>
internal sealed class FullStoreSettles(Store store, Window window, Drain drain, TimeProvider time)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    // By units that are tried again before the store could be told.
    private readonly ConcurrentDictionary<UnitId, IReadOnlyList<byte[]>> _untold = new();

    /// <summary>Adds what could not be told of the unit before.</summary>
    public void Recall(PendingSettle settle)
    {
        if (!_untold.IsEmpty && _untold.TryRemove(settle.Settlement!.Lease.Id, out var before))
        {
            settle.Before = before;
        }
    }

    /// <summary>How long a settler waits that could drain nothing.</summary>
    public Task WaitAsync(CancellationToken cancellation) => Task.Delay(Pause, time, cancellation);

    /// <summary>Takes out what ended, partition by partition.</summary>
    /// <param name="left">What is to wait: that of a partition is added once the partition is done, however the others fare.</param>
    public async Task DrainAsync(List<PartitionSettle> partitions, HashSet<PendingSettle> left, CancellationToken cancellation)
    {
        foreach (var partition in partitions)
        {
            var waiting = new List<PendingSettle>();
            var mayTake = drain.MayTakeFrom(partition.Partition);
            await partition.ReadAsync(store.Connections.Settling);
            var ended = new List<(Lease, IReadOnlyList<byte[]>)>();
            foreach (var settle in partition.Settles)
            {
                if (mayTake && Drain.Covers(settle.Settlement))
                {
                    ended.Add((settle.Settlement!.Lease, [.. partition.EndOf(settle, store.Mark).Select(e => (byte[])e!)]));
                }
                else
                {
                    waiting.Add(settle);
                }
            }

            if (ended.Count > 0)
            {
                await drain.TakeOutAsync(partition.Partition, ended, cancellation);
            }

            left.UnionWith(waiting);
            partition.IsDone = true;
        }
    }

    /// <summary>
    /// Ends the wait of a unit that was put off to a time that has come. Were it waited for, the queue could stand still for good:
    /// nothing ends, since all that is in hand is put off, and so nothing frees the store. False when it is to wait on.
    /// </summary>
    public bool TryAgain(PendingSettle settle)
    {
        // A part that was delivered has to be durable first.
        if (settle.Settlement is not { Next: { } next, Reports.Count: 0 } settlement
            || settlement.DueAt > time.GetUtcNow() || next.Open.Count != settlement.Lease.Open.Count)
        {
            return false;
        }

        var lease = settlement.Lease;
        _untold[lease.Id] = settle.Events(store.Mark);
        window.Release(lease with { State = next });
        settle.Partition.Attempts.End(lease.Id);
        settle.SetDone();
        return true;
    }
}
