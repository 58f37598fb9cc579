using System.Collections.Concurrent;
using Relay.Mail.Inbox;
using Relay.Mail.Queue;
using Relay.Redis.Connections;
using Relay.Redis.Keys;
using Relay.Redis.Steps;
using StackExchange.Redis;

namespace Relay.Redis.Inbox;

/// <summary>
/// What stands in the inbox of an account, which is what there is room for: the newest thousand for a week, and of these the
/// newest that <see cref="IInbox.MostOctets"/> hold. How much that is is known without looking at each.
/// </summary>
internal sealed class InboxRoom(Store store, TimeProvider time)
{
    public static readonly TimeSpan Kept = TimeSpan.FromDays(7);

    private const int Newest = 1_000;

    // Each has a condition of its own.
    private const int RemovedAtOnce = 100;

    // Another relay captures mail of the same account in that very moment: one that is nearer to the store than we are may win nine
    // times of ten, but not so often in a row.
    private const int MostAttempts = 200;

    // Accounts whose total was compared since the start with what it is the total of.
    private readonly ConcurrentDictionary<string, bool> _compared = new(StringComparer.Ordinal);

    // Each step waits for what its conditions find: no chunk of a large content is to wait for that, nor the step for a chunk.
    private IDatabase Database => store.Connections.Background;

    /// <summary>Again with the same id changes nothing.</summary>
    /// <param name="shown">What lists show of it.</param>
    /// <param name="octets">That it takes in all.</param>
    public async ValueTask AddAsync(string account, string id, byte[] shown, long octets, DateTimeOffset now, CancellationToken cancellation)
    {
        for (var attempt = 0; attempt < MostAttempts; attempt++)
        {
            var step = Database.CreateTransaction();
            InboxStep.AddCapture(step, account, id, shown, octets, now);
            if (await StoreFailure.TranslateAsync(step.RunAsync(), cancellation) || await StandsAsync(account, id, cancellation))
            {
                return;
            }

            if (await TotalAsync(account, cancellation) is null)
            {
                await PutRightAsync(account, null, await SizesAsync(account, cancellation), cancellation);
            }
        }

        throw new StoreUnavailableException($"the inbox of {account} is changed by others all the time");
    }

    /// <summary>Removes what has been there for too long, and the oldest of what is too much.</summary>
    public async ValueTask TrimAsync(string account, CancellationToken cancellation)
    {
        var order = StoreKeys.InboxOrder(account);
        var oldest = (time.GetUtcNow() - Kept).ToUnixTimeMilliseconds();
        var expired = StoreFailure.TranslateAsync(
            Database.SortedSetRangeByScoreAsync(order, double.NegativeInfinity, oldest, Exclude.Stop, flags: StoreConnections.FromPrimary), cancellation);
        var surplus = StoreFailure.TranslateAsync(Database.SortedSetRangeByRankAsync(order, 0, -Newest - 1, flags: StoreConnections.FromPrimary), cancellation);
        var total = TotalAsync(account, cancellation);
        RedisValue[] gone = [.. (await expired).Union(await surplus).Union(await BeyondMostOctetsAsync(account, await total, cancellation))];
        foreach (var some in gone.Chunk(RemovedAtOnce))
        {
            await RemoveAsync(account, some, cancellation);
        }
    }

    private async ValueTask RemoveAsync(string account, RedisValue[] ids, CancellationToken cancellation)
    {
        for (var attempt = 0; attempt < MostAttempts; attempt++)
        {
            var sizes = await StoreFailure.TranslateAsync(Database.HashGetAsync(StoreKeys.InboxSizes(account), ids, StoreConnections.FromPrimary), cancellation);
            var step = Database.CreateTransaction();
            InboxStep.AddRemoval(step, account, [.. ids.Zip(sizes)]);
            if (await StoreFailure.TranslateAsync(step.RunAsync(), cancellation))
            {
                return;
            }
        }

        // Whoever changes it all the time removes it too.
    }

    // From the newest on as many as there is room for. Few are ever over it: only then is looked at each.
    private async ValueTask<IReadOnlyList<RedisValue>> BeyondMostOctetsAsync(string account, long? total, CancellationToken cancellation)
    {
        // A relay of a version that knows of no total adds mail and leaves it as it is; while all are brought to a newer one each starts.
        if (total is >= 0 and <= IInbox.MostOctets && _compared.ContainsKey(account))
        {
            return [];
        }

        // Where nothing ever was there is no total either.
        var sizes = await SizesAsync(account, cancellation);
        if ((sizes.Count == 0 && total is null) || await PutRightAsync(account, total, sizes, cancellation))
        {
            _compared.TryAdd(account, true);
        }

        if (sizes.Values.Sum() <= IInbox.MostOctets)
        {
            return [];
        }

        var order = await StoreFailure.TranslateAsync(Database.SortedSetRangeByRankAsync(StoreKeys.InboxOrder(account), order: Order.Descending, flags: StoreConnections.FromPrimary), cancellation);
        var kept = 0L;
        return [.. order.Where(id => (kept += sizes.GetValueOrDefault(id)) > IInbox.MostOctets)];
    }

    // Where there is none yet, or a relay of a version that knows of none was at work. False when others were quicker.
    private async ValueTask<bool> PutRightAsync(string account, long? known, Dictionary<RedisValue, long> sizes, CancellationToken cancellation)
    {
        var total = sizes.Values.Sum();
        if (total == known)
        {
            return true;
        }

        var step = Database.CreateTransaction();
        InboxStep.AddCount(step, account, known, sizes.Count, total);
        return await StoreFailure.TranslateAsync(step.RunAsync(), cancellation);
    }

    private async ValueTask<Dictionary<RedisValue, long>> SizesAsync(string account, CancellationToken cancellation) =>
        (await StoreFailure.TranslateAsync(Database.HashGetAllAsync(StoreKeys.InboxSizes(account), StoreConnections.FromPrimary), cancellation))
            .ToDictionary(size => size.Name, size => (long)size.Value);

    private async ValueTask<long?> TotalAsync(string account, CancellationToken cancellation) =>
        (long?)await StoreFailure.TranslateAsync(Database.StringGetAsync(StoreKeys.InboxOctets(account), StoreConnections.FromPrimary), cancellation);

    private ValueTask<bool> StandsAsync(string account, string id, CancellationToken cancellation) =>
        StoreFailure.TranslateAsync(Database.HashExistsAsync(StoreKeys.InboxSizes(account), id, StoreConnections.FromPrimary), cancellation);
}
