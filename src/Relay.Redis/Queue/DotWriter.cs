using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Relay.Mail.Queue;
using Relay.Redis.Connections;
using Relay.Redis.Journal;
using StackExchange.Redis;

namespace Relay.Redis.Queue;

/// <summary>
/// Notes in <c>dots</c>, where several nodes deliver, which units are about to be at a remote. All that wait while one
/// write is on its way go with the next.
/// <code>
/// writes     HSET dots "unit turn" entry...
/// take back  HDEL dots "unit turn"
/// </code>
/// No fence stands before it, since a condition would cost each dot a second round trip. A note of an owner that stood still
/// and was replaced meanwhile may so arrive at any time. Its dot is not sent, and it does no harm: each turn of an owner has
/// names of its own, by which nobody overwrites or removes what his successor noted of the same unit. Who wrote it takes it
/// back, and what he cannot the owner removes.
/// </summary>
internal sealed class DotWriter(Store store, LocalJournal journal, ILogger<DotWriter> logger)
{
    private readonly Channel<PendingDot> _waiting = Channel.CreateUnbounded<PendingDot>(new() { SingleReader = true });

    /// <summary>False when it could not be written now; it may be written all the same.</summary>
    public Task<bool> WriteAsync(Partition partition, Lease lease, DotEntry entry)
    {
        var dot = new PendingDot(partition, store.NoteOf(lease.Id, lease.Term), entry);
        partition.Dots.Store(lease.Id, dot.Name);
        _waiting.Writer.TryWrite(dot);
        return dot.Written.Task;
    }

    /// <summary>The dot is not sent: else whoever has the partition next would think that the unit may be at the remote.</summary>
    /// <param name="written">The last writing of the note, which may go on still.</param>
    // The unit's settling removes it as well, and so does an owner who finds it in his partition: one try is enough.
    public async Task TakeBackAsync(Partition partition, Lease lease, Task written)
    {
        await written;
        try
        {
            await store.Connections.Noting.HashDeleteAsync(partition.Keys.Dots, store.NoteOf(lease.Id, lease.Term)).InTimeAsync();
        }
        catch (Exception e) when (StoreFailure.Covers(e) || e is StoreUnavailableException)
        {
            logger.DotsFailed(StoreFailure.Of(e).Reason);
        }
    }

    /// <summary>
    /// Removes the notes of owners before us that arrived when the partition was ours already: their dots were not sent, and
    /// who wrote them may have been killed before he could take them back.
    /// </summary>
    public async Task RemoveStraysAsync(Partition partition)
    {
        var (database, key, term) = (store.Connections.Background, partition.Keys.Dots, partition.Term);
        var ours = store.TurnOf(term);
        var notes = await database.HashKeysAsync(key, StoreConnections.FromPrimary).InTimeAsync();
        var others = notes.Where(note => !note.ToString().EndsWith(ours, StringComparison.Ordinal)).ToList();
        if (others.Count == 0)
        {
            return;
        }

        var found = partition.Dots.Notes();
        RedisValue[] strays = [.. others.Where(note => !found.Contains(note.ToString()))];

        // Asked last, since what was found is forgotten with the partition.
        if (strays.Length > 0 && partition.IsOwned && partition.Term == term)
        {
            await database.HashDeleteAsync(key, strays).InTimeAsync();
            logger.StrayNotes(strays.Length, partition.Number);
        }
    }

    /// <summary>
    /// Notes what was past its dot before another node came, who may take it over from now on. Whoever settles it later finds it
    /// noted; what ended before that is taken out again.
    /// </summary>
    public async Task NoteUnderWayAsync()
    {
        var underWay = journal.Dots().Where(dot => store.PartitionOf(dot.Unit.Message).IsOwned).ToLookup(dot => store.PartitionOf(dot.Unit.Message));
        foreach (var dots in underWay)
        {
            var (partition, term) = (dots.Key, dots.Key.Term);
            var notes = dots.ToDictionary(dot => dot.Unit, dot => new HashEntry(store.NoteOf(dot.Unit, term), dot.ToArray()));
            foreach (var (unit, note) in notes)
            {
                partition.Dots.Store(unit, note.Name.ToString());
            }

            await WriteAsync(partition, [.. notes.Values]);

            // What is settled from here on takes its note with it.
            var left = journal.Dots().Select(dot => dot.Unit).ToHashSet();
            var ended = notes.Where(note => !left.Contains(note.Key)).ToList();
            await store.Connections.Noting.HashDeleteAsync(partition.Keys.Dots, [.. ended.Select(note => note.Value.Name)]).InTimeAsync();
            ended.ForEach(note => partition.Dots.End(note.Key));
        }
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

            await Task.WhenAll(batch.GroupBy(dot => dot.Partition).Select(async dots =>
            {
                var written = await TryWriteAsync(dots.Key, [.. dots.Select(dot => new HashEntry(dot.Name, dot.Entry.ToArray()))]);
                foreach (var dot in dots)
                {
                    dot.Written.SetResult(written);
                }
            }));
        }
    }

    private async Task<bool> TryWriteAsync(Partition partition, HashEntry[] dots)
    {
        try
        {
            await WriteAsync(partition, dots);
            return true;
        }
        catch (Exception e) when (StoreFailure.Covers(e) || e is StoreUnavailableException)
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
            await database.HashSetAsync(key, dots).InTimeAsync();
        }
        catch (RedisServerException e) when (FullStore.Refused(e))
        {
            // Else nothing would leave a full store that several relays share, and so nothing would free it.
            await FullStore.WriteAsync(database, "HSET", key, [.. dots.SelectMany(dot => new[] { dot.Name, dot.Value })]);
        }
    }

    private sealed record PendingDot(Partition Partition, string Name, DotEntry Entry)
    {
        public TaskCompletionSource<bool> Written { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
