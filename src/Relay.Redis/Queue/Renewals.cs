using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Relay.Redis.Connections;
using Relay.Redis.Steps;

namespace Relay.Redis.Queue;

/// <summary>
/// Renews the leases of our partitions, and finds out what became of those that were not renewed in time: another node's by now,
/// or of a store that has gone back behind what it had answered.
/// The lease is renewed by PEXPIRE, which works in a full store too, and is never a condition of a step, since each
/// renewal would abort it.
/// </summary>
internal sealed class Renewals(Store store, Window window, Recovery recovery, IOptions<StoreOptions> options, TimeProvider time, ILogger<Renewals> logger)
{
    // In a third of the lease's life dots may be sent, so two turns in a row have to fail before any is held back.
    private const int PerLease = 6;

    /// <summary>The part of a lease's life in which attempts begin and dots are sent.</summary>
    public const int LiveParts = 3;

    private readonly ConcurrentDictionary<Partition, bool> _renewing = new();
    private readonly TimeSpan _lease = options.Value.Queue.Lease;

    // The embedded store is nobody else's, whatever time passes.
    private readonly bool _isAlone = options.Value.IsEmbedded;

    /// <summary>From one renewal to the next.</summary>
    public TimeSpan Pause => _lease / PerLease;

    /// <summary>How long a turn waits for a shard that says nothing, which the client gives longer.</summary>
    public TimeSpan Patience => Pause / 2;

    public async Task RenewAllAsync(Trouble trouble)
    {
        await Task.WhenAll(store.Partitions.Where(p => p.IsOwned).Select(p => trouble.TryAsync(() => RenewOnceAsync(p).WaitAsync(Patience, time))));
        window.Signal();
    }

    /// <summary>The partition's lease was taken or renewed by what was asked of the store at this timestamp.</summary>
    public void Renewed(Partition partition, long asked)
    {
        var wasAway = partition.IsAway(time.GetTimestamp());
        partition.Renew(_isAlone ? long.MaxValue : asked + (long)(_lease.TotalSeconds / LiveParts * time.TimestampFrequency));
        window.Returned(partition);
        if (wasAway)
        {
            window.WakeRefill();
        }
    }

    // One that was not answered in the turn before goes on still.
    private async Task RenewOnceAsync(Partition partition)
    {
        if (!_renewing.TryAdd(partition, true))
        {
            return;
        }

        try
        {
            await RenewAsync(partition);
        }
        finally
        {
            _renewing.TryRemove(partition, out _);
        }
    }

    private async Task RenewAsync(Partition partition)
    {
        var database = store.Connections.Background;

        // Counted from before the question, so that we stop before the store lets anybody else in. First the renewal, then
        // the look: what is ours behind it was ours when it was renewed.
        var asked = time.GetTimestamp();
        var (doubts, term) = (partition.Doubts, partition.Term);
        var (known, done) = (partition.Settled, partition.StepsDone);
        var renewed = database.KeyExpireAsync(partition.Keys.Lease, _lease);
        var found = await database.StringGetAsync([partition.Keys.Lease, partition.Keys.Settled], StoreConnections.FromPrimary).InTimeAsync();
        var owner = (string?)found[0];
        await renewed.InTimeAsync();
        if (IsOver(partition, term))
        {
            return;
        }

        var isOurs = owner == store.Owner || (owner is null && await IsStillOursAsync(partition));
        if (IsOver(partition, term))
        {
            // The lease that it may have taken is found by the next turn.
            return;
        }

        if (!isOurs)
        {
            Lose(partition, owner);
            return;
        }

        var gaveBack = await FindGivenBackAsync(partition, term, known, done, Fence.Parse(found[1]));
        if (IsOver(partition, term))
        {
            return;
        }

        if (partition.EndDoubts(doubts) && store.CanGoBack && !gaveBack)
        {
            // No settling step is missing, but an accept that was taken back may be there again: no fence tells of that.
            LookAnew(partition);
        }

        Renewed(partition, asked);
    }

    // An answer may come so late that the partition was given away, and perhaps taken again.
    private static bool IsOver(Partition partition, long term) => !partition.IsOwned || partition.Term != term;

    // The lease has ended, and others may have come and gone since.
    private async Task<bool> IsStillOursAsync(Partition partition)
    {
        var database = store.Connections.Background;
        return await TakeOverStep.TryLeaseAsync(database, partition.Keys, store.Owner, _lease)
            && Fence.Parse(await database.StringGetAsync(partition.Keys.Settled, StoreConnections.FromPrimary).InTimeAsync()).Epoch == partition.Settled.Epoch;
    }

    // A store that lost its last moment holds units again that are settled for us, and nobody would look.
    private async Task<bool> FindGivenBackAsync(Partition partition, long term, Fence known, int done, Fence found)
    {
        if (!partition.HasGoneBack && !found.IsBefore(known))
        {
            partition.GoneBackTo = null;
            return false;
        }

        if (partition.GoneBackTo == (found, done))
        {
            return false;
        }

        try
        {
            // Not settled here: nothing leaves a full store before the partition is live again, for which this is waited.
            partition.HasGoneBack = false;
            await recovery.RecallAsync(partition);
        }
        catch
        {
            partition.HasGoneBack = true;
            throw;
        }

        if (IsOver(partition, term))
        {
            return false;
        }

        partition.GoneBackTo = (found, done);
        logger.StoreWentBack(partition.Number, known.ToString(), found.ToString());
        LookAnew(partition);
        return true;
    }

    private void LookAnew(Partition partition)
    {
        window.Doubt(partition);
        partition.Look.FromTheStart();
        window.WakeRefill();
    }

    private void Lose(Partition partition, string? owner)
    {
        if (partition.IsOwned)
        {
            partition.Lose();
            window.Drop(partition);
            logger.PartitionLost(partition.Number, owner ?? "nobody");
        }
    }
}
