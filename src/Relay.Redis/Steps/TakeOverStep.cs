using System.Runtime.ExceptionServices;
using Relay.Redis.Connections;
using Relay.Redis.Keys;
using Relay.Redis.Queue;
using StackExchange.Redis;

namespace Relay.Redis.Steps;

/// <summary>
/// Take over: a partition without an owner, or whose owner was this node before it ended, gets a new one.
/// <code>
/// SET lease OWNER NX PX ttl   or, on condition lease = FORMER: SET lease OWNER PX ttl
/// condition  settled = E:S and projected = E:S as read
/// writes     SET settled E':0, SET projected E':0, with E' later than E by chance
/// results    the epochs | null: another node was first
/// in a full store   all of it in one script, on the same conditions
/// </code>
/// The raised epoch is what stops the steps of the old owner, not the lease: it may be late by any pause.
/// </summary>
internal static class TakeOverStep
{
    private const CommandFlags Unheard = CommandFlags.FireAndForget;

    // Lua has nothing for a key that is not there but false.
    private const string InFullStore = """
        #!lua flags=allow-oom
        local lease = redis.call('GET', KEYS[1]) or ''
        if lease ~= '' and lease ~= ARGV[1] and lease ~= ARGV[2] then return 0 end
        if (redis.call('GET', KEYS[2]) or '') ~= ARGV[4] or (redis.call('GET', KEYS[3]) or '') ~= ARGV[6] then return 0 end
        redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
        redis.call('SET', KEYS[2], ARGV[5])
        redis.call('SET', KEYS[3], ARGV[7])
        return 1
        """;

    /// <param name="holder">Who stands in the lease: nobody, this node, or what it was before.</param>
    public static async Task<TakenOver?> TryAsync(IDatabase database, PartitionKeys keys, string owner, string? holder, TimeSpan lease)
    {
        try
        {
            return await TryLeaseAsync(database, keys, owner, holder, lease) ? await RepeatAsync(() => TryRaiseAsync(database, keys)) : null;
        }
        catch (RedisServerException e)
        {
            if (!(await StoreFailure.OfStepAsync(e, database, keys)).IsFull)
            {
                throw;
            }

            try
            {
                return await RepeatAsync(() => TryInFullStoreAsync(database, keys, owner, holder, lease));
            }
            catch (RedisServerException)
            {
                // It knows no such scripts. That it is full says more.
                ExceptionDispatchInfo.Throw(e);
                throw;
            }
        }
    }

    /// <summary>The lease alone, where nobody has it.</summary>
    public static async Task<bool> TryLeaseAsync(IDatabase database, PartitionKeys keys, string owner, TimeSpan lease)
    {
        try
        {
            return await database.StringSetAsync(keys.Lease, owner, lease, When.NotExists).InTimeAsync();
        }
        catch (RedisServerException e) when (FullStore.Refused(e))
        {
            return !(await FullStore.WriteAsync(database, "SET", keys.Lease, owner, "PX", Milliseconds(lease), "NX")).IsNull;
        }
    }

    private static async Task<bool> TryLeaseAsync(IDatabase database, PartitionKeys keys, string owner, string? holder, TimeSpan lease)
    {
        if (holder is null || holder == owner)
        {
            return holder == owner || await database.StringSetAsync(keys.Lease, owner, lease, When.NotExists).InTimeAsync();
        }

        var step = database.CreateTransaction();
        step.AddCondition(Condition.StringEqual(keys.Lease, holder));
        _ = step.StringSetAsync(keys.Lease, owner, lease, When.Always, Unheard);
        return await step.RunAsync();
    }

    private static async Task<TakenOver?> TryRaiseAsync(IDatabase database, PartitionKeys keys)
    {
        var (settled, projected) = await ReadAsync(database, keys);
        var taken = TakenOver.From(Fence.Parse(settled), Fence.Parse(projected));
        var step = database.CreateTransaction();
        step.AddCondition(Is(keys.Settled, settled));
        step.AddCondition(Is(keys.Projected, projected));
        _ = step.StringSetAsync(keys.Settled, taken.Settled.ToString(), null, When.Always, Unheard);
        _ = step.StringSetAsync(keys.Projected, taken.Projected.ToString(), null, When.Always, Unheard);
        return await step.RunAsync() ? taken : null;
    }

    private static async Task<TakenOver?> TryInFullStoreAsync(IDatabase database, PartitionKeys keys, string owner, string? holder, TimeSpan lease)
    {
        var (settled, projected) = await ReadAsync(database, keys);
        var taken = TakenOver.From(Fence.Parse(settled), Fence.Parse(projected));
        var done = await FullStore.RunAsync(database, InFullStore, [keys.Lease, keys.Settled, keys.Projected],
        [
            owner, holder ?? "", Milliseconds(lease),
            Text(settled), taken.Settled.ToString(), Text(projected), taken.Projected.ToString(),
        ]);
        return (int)done == 1 ? taken : null;
    }

    // A fence that moved meanwhile is read again.
    private static async Task<TakenOver?> RepeatAsync(Func<Task<TakenOver?>> step)
    {
        for (var attempt = 0; attempt <= StoreRetry.AbortsAtOnce; attempt++)
        {
            if (await step() is { } taken)
            {
                return taken;
            }
        }

        return null;
    }

    private static async Task<(RedisValue Settled, RedisValue Projected)> ReadAsync(IDatabase database, PartitionKeys keys)
    {
        var read = await database.StringGetAsync([keys.Settled, keys.Projected], StoreConnections.FromPrimary).InTimeAsync();
        return (read[0], read[1]);
    }

    private static RedisValue Milliseconds(TimeSpan lease) => (long)lease.TotalMilliseconds;

    private static RedisValue Text(RedisValue value) => value.IsNull ? "" : value;

    private static Condition Is(RedisKey key, RedisValue value) =>
        value.IsNull ? Condition.KeyNotExists(key) : Condition.StringEqual(key, value);
}

/// <summary>A partition is ours.</summary>
/// <param name="Before">The last step of whoever had it before.</param>
internal sealed record TakenOver(Fence Before, Fence Settled, Fence Projected)
{
    public static TakenOver From(Fence settled, Fence projected) => new(settled, settled.NextEpoch(Random.Shared), projected.NextEpoch(Random.Shared));
}
