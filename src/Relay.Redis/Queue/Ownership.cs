using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Relay.Mail.Queue;
using Relay.Redis.Connections;
using Relay.Redis.Steps;
using StackExchange.Redis;

namespace Relay.Redis.Queue;

/// <summary>
/// Keeps the partitions' leases. A partition without an owner is taken over:
/// <code>
/// SET lease NODE NX PX ttl
/// then, on condition settled = E:S and projected = E:S as read:  SET settled E+1:0, SET projected E+1:0
/// </code>
/// The raised epoch is what stops the old owner, not the lease: it may be late by any pause, its steps then fail.
/// The lease is renewed by PEXPIRE, which works in a full store too, and is never a condition of a step, since each
/// renewal would abort it.
/// </summary>
internal sealed class Ownership(
    Store store, Window window, IOptions<StoreOptions> options, TimeProvider time, ILogger<Ownership> logger)
{
    private readonly TimeSpan _lease = options.Value.Queue.Lease;

    public async Task RunAsync(CancellationToken cancellation)
    {
        // Three renewals may fail before the lease ends.
        using var timer = new PeriodicTimer(_lease / 4, time);
        do
        {
            await ClaimAsync();
        }
        while (await timer.WaitForNextTickAsync(cancellation));
    }

    /// <summary>Renews what is ours and takes what is free; a failure is tried again at the next turn.</summary>
    public async Task ClaimAsync()
    {
        try
        {
            await Task.WhenAll(store.Partitions.Select(ClaimAsync));
        }
        catch (Exception e) when (StoreFailure.Covers(e) || e is StoreUnavailableException)
        {
            logger.LeaseFailed(StoreFailure.Of(e).Reason);
        }

        window.Signal();
    }

    /// <summary>Gives the leases back, so that a successor need not wait for their end.</summary>
    public async Task ReleaseAsync()
    {
        var database = store.Connections.Background;
        foreach (var partition in store.Partitions.Where(p => p.IsOwned))
        {
            partition.IsOwned = false;
            partition.LiveUntil = 0;
            if (await database.StringGetAsync(partition.Keys.Lease, StoreConnections.FromPrimary) == store.NodeId)
            {
                await database.KeyDeleteAsync(partition.Keys.Lease);
            }
        }
    }

    private async Task ClaimAsync(Partition partition)
    {
        var database = store.Connections.Background;
        var asked = time.GetTimestamp();
        var owner = (string?)await database.StringGetAsync(partition.Keys.Lease, StoreConnections.FromPrimary);
        if (owner is null && await database.StringSetAsync(partition.Keys.Lease, store.NodeId, _lease, When.NotExists))
        {
            owner = store.NodeId;
        }
        else if (owner == store.NodeId)
        {
            await database.KeyExpireAsync(partition.Keys.Lease, _lease);
        }

        if (owner != store.NodeId)
        {
            Lose(partition, owner);
            return;
        }

        // Counted from before the question, so that we stop before the store lets anybody else in.
        partition.LiveUntil = asked + (long)(_lease.TotalSeconds * 2 / 3 * time.TimestampFrequency);
        for (var attempt = 0; !partition.IsOwned && attempt <= StoreRetry.AbortsAtOnce; attempt++)
        {
            await TryTakeOverAsync(database, partition);
        }
    }

    private async Task TryTakeOverAsync(IDatabase database, Partition partition)
    {
        var keys = partition.Keys;
        var settled = await database.StringGetAsync(keys.Settled, StoreConnections.FromPrimary);
        var projected = await database.StringGetAsync(keys.Projected, StoreConnections.FromPrimary);
        var settledNext = Fence.Parse(settled).NextEpoch;
        var projectedNext = Fence.Parse(projected).NextEpoch;

        var step = database.CreateTransaction();
        step.AddCondition(Is(keys.Settled, settled));
        step.AddCondition(Is(keys.Projected, projected));
        _ = step.StringSetAsync(keys.Settled, settledNext.ToString(), null, When.Always, CommandFlags.FireAndForget);
        _ = step.StringSetAsync(keys.Projected, projectedNext.ToString(), null, When.Always, CommandFlags.FireAndForget);
        if (await step.ExecuteAsync())
        {
            partition.Settled = settledNext;
            partition.Projected = projectedNext;
            partition.NextLook = 0;
            partition.IsOwned = true;
            window.WakeRefill();
            logger.PartitionTaken(partition.Number, settledNext.Epoch);
        }
    }

    private void Lose(Partition partition, string? owner)
    {
        if (partition.IsOwned)
        {
            partition.IsOwned = false;
            partition.LiveUntil = 0;
            window.Drop(partition);
            logger.PartitionLost(partition.Number, owner ?? "nobody");
        }
    }

    private static Condition Is(RedisKey key, RedisValue value) =>
        value.IsNull ? Condition.KeyNotExists(key) : Condition.StringEqual(key, value);
}
