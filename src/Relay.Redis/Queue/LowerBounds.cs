using Relay.Redis.Connections;
using StackExchange.Redis;

namespace Relay.Redis.Queue;

/// <summary>
/// Raises the lower bounds in <c>lanes</c> once a lane has gone quiet, so that its share need not be remembered.
/// <code>
/// reads      lane:L            its earliest unit
/// condition  nothing in lane:L is due earlier than read; a new unit changes the key and fails the step
/// writes     ZADD lanes due L | ZREM lanes L when the lane is empty
/// results    done | condition not met: it is tried again when the lane is quiet again
/// </code>
/// </summary>
internal sealed class LowerBounds(Store store, Window window, TimeProvider time)
{
    public async Task RaiseAsync(IReadOnlyList<LaneShare> quiet)
    {
        var timestamp = time.GetTimestamp();
        List<LaneShare> idle = [.. quiet.Where(share => !share.Partition.IsAway(timestamp))];
        foreach (var share in quiet.Except(idle))
        {
            window.KeepQuiet(share);
        }

        if (idle.Count == 0)
        {
            return;
        }

        var database = store.Connections.Background;
        try
        {
            var heads = await Task.WhenAll(idle.Select(share =>
                database.SortedSetRangeByRankWithScoresAsync(share.Partition.Keys.Lane(share.Turn.Lane), 0, 0, flags: StoreConnections.FromPrimary))).InTimeAsync();

            foreach (var group in idle.Zip(heads).GroupBy(pair => store.StepGroupOf(pair.First.Partition)))
            {
                foreach (var batch in group.Chunk(64))
                {
                    await RaiseAsync(database, batch);
                }
            }
        }
        catch
        {
            // Those that were raised are forgotten by now; nobody would come back to the others.
            foreach (var share in idle)
            {
                window.KeepQuiet(share);
            }

            throw;
        }
    }

    private async Task RaiseAsync(IDatabase database, (LaneShare Share, SortedSetEntry[] Head)[] batch)
    {
        if (await TryRaiseAsync(database, batch))
        {
            foreach (var (share, head) in batch)
            {
                Forget(share, head);
            }
        }
        else if (batch.Length > 1)
        {
            foreach (var one in batch)
            {
                await RaiseAsync(database, [one]);
            }
        }
        else
        {
            window.KeepQuiet(batch[0].Share);
        }
    }

    private static async Task<bool> TryRaiseAsync(IDatabase database, (LaneShare Share, SortedSetEntry[] Head)[] batch)
    {
        var step = database.CreateTransaction();
        foreach (var (share, head) in batch)
        {
            var keys = share.Partition.Keys;
            var lane = keys.Lane(share.Turn.Lane);
            var name = share.Turn.Lane.ToString();
            if (head is [var first])
            {
                step.AddCondition(Condition.SortedSetLengthEqual(lane, 0, double.NegativeInfinity, first.Score - 1));
                _ = step.SortedSetAddAsync(keys.Lanes, name, first.Score, SortedSetWhen.Always, CommandFlags.FireAndForget);
            }
            else
            {
                step.AddCondition(Condition.KeyNotExists(lane));
                _ = step.SortedSetRemoveAsync(keys.Lanes, name, CommandFlags.FireAndForget);
            }
        }

        return await step.RunAsync();
    }

    private void Forget(LaneShare share, SortedSetEntry[] head)
    {
        var bound = head is [var first] ? (long)first.Score : LaneShare.Nothing;
        window.TryForget(share, bound);
    }
}
