using System.Text.Json;
using Microsoft.Extensions.Logging;
using Relay.Mail.Events;
using Relay.Mail.Queue;
using Relay.Redis.Connections;
using Relay.Redis.Journal;
using Relay.Redis.Steps;
using StackExchange.Redis;

namespace Relay.Redis.Queue;

/// <summary>
/// Brings what is known of attempts from outside the queue into it: the local journal of a killed process, the <c>dots</c>
/// of an owner before us, the <c>late</c> list. All of it by the partition's owner, so behind the fence.
/// </summary>
internal sealed class Recovery(
    Store store, Window window, SettleWriter settles, UnitReader units, KnownAttempts known, Drain drain, DotWriter dots,
    IActivityReader activity, ILogger<Recovery> logger)
{
    private const int LateAtOnce = 256;

    // They go into one step.
    private const int SettledAtOnce = 128;

    /// <summary>
    /// For a partition that is about to be ours, before anything of it can be leased: marks the units that may be at a
    /// remote. Those whose outcome is known are marked too, until it is settled.
    /// </summary>
    /// <param name="settled">The last step of whoever had it before.</param>
    public async Task MarkAsync(Partition partition, Fence settled)
    {
        if (settled == partition.Settled)
        {
            // It was ours, nobody's since, and the store has all that it had.
            partition.Recent.Clear();
        }

        known.Recall(partition);
        await drain.TakeOutLeftAsync(partition);
        var database = store.Connections.Background;
        var stored = await database.HashGetAllAsync(partition.Keys.Dots, StoreConnections.FromPrimary).InTimeAsync();
        var late = await database.ListRangeAsync(partition.Keys.Late, 0, LateAtOnce - 1, StoreConnections.FromPrimary).InTimeAsync();
        var found = 0;
        foreach (var field in stored)
        {
            if (JournalEntry.TryRead((ReadOnlyMemory<byte>)field.Value, out var entry) && await TryMarkAsync(partition, entry))
            {
                partition.Dots.Store(entry.Unit, field.Name.ToString());
                found++;
            }
            else
            {
                await database.HashDeleteAsync(partition.Keys.Dots, field.Name).InTimeAsync();
            }
        }

        foreach (var entry in known.Of(partition))
        {
            if (await TryMarkAsync(partition, entry))
            {
                found++;
            }
            else if (entry is DotEntry)
            {
                known.Forget(entry.Unit, ended: true);
            }
        }

        foreach (var octets in late)
        {
            if (JournalEntry.TryRead((ReadOnlyMemory<byte>)octets, out var entry))
            {
                await TryMarkAsync(partition, entry);
            }
        }

        if (found > 0)
        {
            logger.DotsFound(found, partition.Number);
        }
    }

    /// <summary>
    /// The store has forgotten its last steps of a partition of ours. Behind this nobody can lease what of it is settled as far as we
    /// know; <see cref="SettleKnownAsync"/> settles it again, for which a full store may have no room for long.
    /// </summary>
    public async Task RecallAsync(Partition partition)
    {
        known.Recall(partition);
        foreach (var some in known.Of(partition).OfType<DoneEntry>().Chunk(SettledAtOnce))
        {
            var found = await Task.WhenAll(some.Select(done => units.FindAsync(partition, done.Unit)));

            // What was settled meanwhile is forgotten, and nobody would give it back.
            known.Holding(isKnown => window.Claim(
                partition,
                [.. found.OfType<(Lease Lease, long Due)>().Where(unit => isKnown(unit.Lease.Id)).Select(unit => (unit.Lease.Id, unit.Lease.Unit.Lane, unit.Due))]));
        }
    }

    /// <summary>
    /// Settles what is known of a partition of ours: from our journal, and what has come to its <c>late</c> list. What came
    /// to its <c>dots</c> is removed.
    /// </summary>
    public async Task SettleKnownAsync(Partition partition)
    {
        await SettleJournalledAsync(partition);
        await dots.RemoveStraysAsync(partition);
        var database = store.Connections.Background;
        foreach (var octets in await database.ListRangeAsync(partition.Keys.Late, 0, LateAtOnce - 1, StoreConnections.FromPrimary).InTimeAsync())
        {
            if (await IsOverAsync(partition, octets) && partition.IsOwned)
            {
                await database.ListRemoveAsync(partition.Keys.Late, octets, 1).InTimeAsync();
            }
        }
    }

    /// <summary>Hands on what our journal knows of a partition that another node owns by now.</summary>
    public async Task HandOnAsync(Partition partition)
    {
        // Whether the store still had our last steps when the other took it, only their units can tell.
        known.Recall(partition);
        foreach (var entry in known.Of(partition))
        {
            await PushLateAsync(partition, entry.ToArray());
            known.Forget(entry.Unit, ended: true);
        }
    }

    // Taking over what is nobody's comes behind it, which is what frees a full store.
    private async Task PushLateAsync(Partition partition, RedisValue entry)
    {
        var database = store.Connections.Background;
        try
        {
            await database.ListRightPushAsync(partition.Keys.Late, entry).InTimeAsync();
        }
        catch (RedisServerException e) when (FullStore.Refused(e))
        {
            await FullStore.WriteAsync(database, "RPUSH", partition.Keys.Late, entry);
        }
    }

    private async Task SettleJournalledAsync(Partition partition)
    {
        // What ended first: a full store takes nothing that puts off, and what ended frees it.
        foreach (var some in known.Of(partition).OrderBy(entry => entry is DoneEntry { Next: not null }).Chunk(SettledAtOnce))
        {
            await Task.WhenAll(some.Select(entry => SettleAsync(partition, entry)));
        }
    }

    private async Task SettleAsync(Partition partition, JournalEntry entry)
    {
        // A dot stays in the journal until its unit is settled as uncertain, which delivery does.
        if (entry is not DoneEntry done)
        {
            known.Forget(entry.Unit, ended: false);
            return;
        }

        // Forgotten before it is given back, or RecallAsync could claim it in between.
        await ClaimAsync(partition, done.Unit, async current =>
        {
            try
            {
                await SettleAsync(partition, done, current);
            }
            catch (JsonException e)
            {
                await SetAsideAsync(partition, done.ToArray(), e.Message);
            }

            known.Forget(done.Unit, ended: true);
        });
    }

    // False when there is nothing to mark: the unit was settled since, or never was at a remote.
    private async Task<bool> TryMarkAsync(Partition partition, JournalEntry entry)
    {
        var host = entry switch
        {
            DotEntry dot => dot.Host,
            DoneEntry done => done.Host,
            _ => null,
        };
        if (host is null || await units.FindAsync(partition, entry.Unit) is not var (lease, _) || lease.Attempts != entry.Attempts)
        {
            return false;
        }

        partition.Dots.Find(entry as DotEntry ?? new DotEntry(entry.Unit, entry.Attempts, DateTimeOffset.UnixEpoch, host));
        return true;
    }

    // False when it is to be looked at again.
    private async Task<bool> IsOverAsync(Partition partition, RedisValue octets)
    {
        if (!JournalEntry.TryRead((ReadOnlyMemory<byte>)octets, out var entry))
        {
            await SetAsideAsync(partition, octets, "it is no entry that this relay knows");
            return true;
        }

        try
        {
            return entry is DoneEntry done ? await TrySettleAsync(partition, done) : await TryHideAsync(partition, (DotEntry)entry);
        }
        catch (JsonException e)
        {
            await SetAsideAsync(partition, octets, e.Message);
            return true;
        }
    }

    // What waits in memory without the mark is read anew.
    private async Task<bool> TryHideAsync(Partition partition, DotEntry dot) =>
        !await TryMarkAsync(partition, dot) || await ClaimAsync(partition, dot.Unit, _ => Task.CompletedTask);

    private Task<bool> TrySettleAsync(Partition partition, DoneEntry done) =>
        ClaimAsync(partition, done.Unit, current => SettleAsync(partition, done, current));

    private async Task SettleAsync(Partition partition, DoneEntry done, (Lease Lease, long Due)? found)
    {
        if (found is var (lease, due) && LateOutcome.Apply(done, lease, DateTimeOffset.FromUnixTimeMilliseconds(due)) is { } settlement)
        {
            logger.LateSettled(done.Unit.ToString());
            await settles.SettleAsync(settlement);
        }

        await TellDoublesAsync(partition, done, found?.Lease);
    }

    private async Task TellDoublesAsync(Partition partition, DoneEntry done, Lease? current)
    {
        var account = done.Told().FirstOrDefault()?.Account;
        if (account is null || LateOutcome.Doubles(done, current, []).Count == 0)
        {
            return;
        }

        var told = await activity.FindAsync(account, done.Unit.Message, CancellationToken.None);
        if (told is not null && LateOutcome.Doubles(done, current, told.Events) is { Count: > 0 } doubles)
        {
            logger.Doubled(done.Unit.ToString());
            await settles.TellAsync(partition, doubles);
        }
    }

    /// <summary>Does something with a unit that nobody can lease meanwhile; false when somebody has it now.</summary>
    private async Task<bool> ClaimAsync(Partition partition, UnitId unit, Func<(Lease Lease, long Due)?, Task> act)
    {
        if (await units.FindAsync(partition, unit) is not var (first, due))
        {
            await act(null);
            window.Unclaim([unit]);
            return true;
        }

        if (window.Claim(partition, [(unit, first.Unit.Lane, due)]).Count == 0)
        {
            return false;
        }

        try
        {
            // Read again: only now nobody else changes it.
            await act(await units.FindAsync(partition, unit));
        }
        finally
        {
            window.Unclaim([unit]);
        }

        return true;
    }

    private async Task SetAsideAsync(Partition partition, RedisValue octets, string reason)
    {
        logger.LateUnreadable(partition.Number, reason);
        await store.Connections.Background.ListRightPushAsync(partition.Keys.Unreadable, octets).InTimeAsync();
    }
}
