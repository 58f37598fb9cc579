using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Relay.Redis.Connections;
using Relay.Redis.Journal;
using StackExchange.Redis;

namespace Relay.Redis.Queue;

/// <summary>
/// Notes in <c>dots</c>, where several nodes deliver, which units are about to be at a remote. All that wait while one
/// write is on its way go with the next.
/// <code>
/// writes     HSET dots unit entry...
/// </code>
/// It needs no fence: a note of an owner that was replaced is one of too much, and its dot is not sent.
/// </summary>
internal sealed class DotWriter(Store store, ILogger<DotWriter> logger)
{
    private readonly Channel<PendingDot> _waiting = Channel.CreateUnbounded<PendingDot>(new() { SingleReader = true });

    /// <summary>False when it could not be written now.</summary>
    public Task<bool> WriteAsync(Partition partition, DotEntry entry)
    {
        var dot = new PendingDot(partition, entry);
        partition.Dots.Store(entry.Unit);
        _waiting.Writer.TryWrite(dot);
        return dot.Written.Task;
    }

    public async Task RunAsync(CancellationToken cancellation)
    {
        var batch = new List<PendingDot>();
        while (await _waiting.Reader.WaitToReadAsync(cancellation))
        {
            batch.Clear();
            while (_waiting.Reader.TryRead(out var dot))
            {
                batch.Add(dot);
            }

            var written = await TryWriteAsync(batch);
            batch.ForEach(dot => dot.Written.SetResult(written));
        }
    }

    private async Task<bool> TryWriteAsync(List<PendingDot> batch)
    {
        try
        {
            await Task.WhenAll(batch.GroupBy(dot => dot.Partition).Select(dots => WriteAsync(
                dots.Key, [.. dots.Select(dot => new HashEntry(dot.Entry.Unit.ToString(), dot.Entry.ToArray()))])));
            return true;
        }
        catch (Exception e) when (StoreFailure.Covers(e) || e is Mail.Queue.StoreUnavailableException)
        {
            logger.DotsFailed(StoreFailure.Of(e).Reason);
            return false;
        }
    }

    private async Task WriteAsync(Partition partition, HashEntry[] dots)
    {
        var (database, key) = (store.Connections.Noting, partition.Keys.Dots);
        try
        {
            await database.HashSetAsync(key, dots);
        }
        catch (RedisServerException e) when (FullStore.Refused(e))
        {
            // Else nothing would leave a full store that several relays share, and so nothing would free it.
            await FullStore.WriteAsync(database, "HSET", key, [.. dots.SelectMany(dot => new[] { dot.Name, dot.Value })]);
        }
    }

    private sealed record PendingDot(Partition Partition, DotEntry Entry)
    {
        public TaskCompletionSource<bool> Written { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
