using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Relay.Mail.Crashing;
using Relay.Mail.Queue;
using Relay.Redis.Connections;
using Relay.Redis.Durability;
using Relay.Redis.Steps;
using Relay.Redis.Usage;

namespace Relay.Redis.Queue;

/// <summary>
/// Writes accepts without conditions, one step at a time for each group of partitions. All that wait while one step is on
/// its way go with the next one: the store flushes its file once for all of them, and fifty sessions cost little more than one.
/// </summary>
internal sealed class AcceptWriter(Store store, UsageStep usage, Acknowledgement acknowledgement, ILogger<AcceptWriter> logger)
{
    // Bounds a step in the store's own buffers; some dozen sessions never reach it.
    private const int MaxMessages = 256;
    private const long MaxOctets = 4 * 1024 * 1024;

    private Channel<PendingAccept>[] _groups = [];

    public void Add(PendingAccept accept) => _groups[store.StepGroupOf(accept.Partition)].Writer.TryWrite(accept);

    public Task RunAsync(CancellationToken cancellation)
    {
        _groups = [.. Enumerable.Range(0, store.StepGroups).Select(_ => Channel.CreateUnbounded<PendingAccept>(new() { SingleReader = true }))];
        return Task.WhenAll(_groups.Select(group => RunAsync(group.Reader, cancellation)));
    }

    private async Task RunAsync(ChannelReader<PendingAccept> waiting, CancellationToken cancellation)
    {
        var batch = new List<PendingAccept>();
        while (await waiting.WaitToReadAsync(cancellation))
        {
            batch.Clear();
            var octets = 0L;
            while (batch.Count < MaxMessages && octets < MaxOctets && waiting.TryRead(out var accept))
            {
                if (accept.TryStart())
                {
                    batch.Add(accept);
                    octets += accept.Message.Record.Length;
                }
            }

            await WriteAsync(batch);
        }
    }

    private async Task WriteAsync(List<PendingAccept> batch)
    {
        if (batch.Count == 0)
        {
            return;
        }

        for (var attempt = 0; await TryWriteAsync(batch) is { } failure; attempt++)
        {
            if (!failure.IsOver || attempt == StoreRetry.AbortsAtOnce)
            {
                batch.ForEach(accept => accept.Answered(failure));
                return;
            }
        }
    }

    // Null when it was done; then it is answered, or will be.
    private async Task<StoreFailure?> TryWriteAsync(List<PendingAccept> batch)
    {
        try
        {
            var step = store.Connections.Intake.CreateTransaction();
            foreach (var partition in batch.GroupBy(a => a.Partition))
            {
                AcceptStep.Add(step, partition.Key.Keys, [.. partition.Select(a => a.Message)]);
            }

            // All stand on one server, so one mark and one counter tell of them all.
            usage.Add(step, batch[0].Partition.Keys, batch.Select(a => a.Message.Message));
            var mark = acknowledgement.IsAsked ? acknowledgement.Mark(step, batch[0].Partition) : default(AcceptMark?);
            CrashPoints.Pass(CrashPoint.BeforeCommit);
            await step.RunAsync();
            CrashPoints.Pass(CrashPoint.AfterCommit);
            if (mark is { } asked)
            {
                // The next step need not wait for it.
                _ = AnswerLaterAsync([.. batch], asked);
            }
            else
            {
                batch.ForEach(accept => accept.Answered(null));
            }

            return null;
        }
        catch (Exception e) when (StoreFailure.Covers(e))
        {
            usage.Forget();
            return await StoreFailure.OfStepAsync(e, store.Connections.Intake, batch[0].Partition.Keys);
        }
        catch (StoreUnavailableException e)
        {
            return new StoreFailure(IsFull: false, IsCertain: true, e.Message);
        }
    }

    private async Task AnswerLaterAsync(List<PendingAccept> batch, AcceptMark mark)
    {
        try
        {
            var failure = await acknowledgement.WaitAsync(mark);
            batch.ForEach(accept => accept.Answered(failure));
        }
        catch (Exception e)
        {
            // Nobody awaits this, and all of them wait for the answer: whether they are acknowledged is not known.
            batch.ForEach(accept => accept.Answered(StoreFailure.Of(e) with { IsCertain = false }));
            logger.AcknowledgementFailed(e);
        }
    }
}

/// <summary>One message on its way into the store, and the caller who waits for it.</summary>
internal sealed class PendingAccept(Partition partition, PreparedMessage message)
{
    private readonly TaskCompletionSource<StoreFailure?> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _taken;

    public Partition Partition { get; } = partition;
    public PreparedMessage Message { get; } = message;

    /// <summary>Null when it is durable.</summary>
    public Task<StoreFailure?> Answer => _answer.Task;

    /// <summary>The writer takes it. False when the caller gave up before.</summary>
    public bool TryStart() => Interlocked.Exchange(ref _taken, 1) == 0;

    /// <summary>The caller gives up. True when it was never sent.</summary>
    public bool TryGiveUp() => Interlocked.Exchange(ref _taken, 1) == 0;

    public void Answered(StoreFailure? failure) => _answer.TrySetResult(failure);
}
