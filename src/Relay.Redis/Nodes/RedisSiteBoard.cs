using System.Text.Json;
using Relay.Mail.Queue;
using Relay.Mail.Sites;
using Relay.Redis.Connections;
using Relay.Redis.Keys;
using Relay.Redis.Records;
using StackExchange.Redis;

namespace Relay.Redis.Nodes;

/// <summary>
/// The shares of a receiver in one document, changed only as it was read:
/// <code>
/// GET relay:shares:PROVIDER, then on condition that it still is what was read: SET relay:shares:PROVIDER table PX a minute
/// </code>
/// and what a node tells of its sites in another, which vanishes with the node:
/// <code>
/// SET relay:sites:OWNER list PX its life; GET that of each node that runs
/// </code>
/// </summary>
internal sealed class RedisSiteBoard(Store store, NodeRegistry registry, TimeProvider time) : ISiteBoard
{
    // As many nodes may renew at the same moment and yet each comes through.
    private const int Tries = 16;

    private static readonly TimeSpan PostLife = TimeSpan.FromSeconds(20);

    public int Nodes => Math.Max(1, registry.DeliveringCount);

    public int Doors => Math.Max(1, registry.IntakeCount);

    private IDatabase Database => store.Connections.Background;

    public async ValueTask<ConnectionShare> RenewAsync(string provider, ShareWish wish, CancellationToken cancellation)
    {
        var key = StoreKeys.Shares(provider);
        for (var i = 0; i < Tries; i++)
        {
            var read = await StoreFailure.TranslateAsync(Database.StringGetAsync(key, StoreConnections.FromPrimary), cancellation);
            var (table, share) = Read(read).Renew(store.Owner, wish, time.GetUtcNow());
            var step = Database.CreateTransaction();
            step.AddCondition(read.IsNull ? Condition.KeyNotExists(key) : Condition.StringEqual(key, read));
            _ = step.StringSetAsync(key, JsonSerializer.SerializeToUtf8Bytes(table, RecordJson.Default.ShareTable), ShareTable.Life * 6);
            if (await StoreFailure.TranslateAsync(step.RunAsync(), cancellation))
            {
                return share;
            }
        }

        throw new StoreUnavailableException($"the shares of {provider} change too fast");
    }

    public async ValueTask PostAsync(IReadOnlyList<SiteStatus> sites, CancellationToken cancellation)
    {
        if (registry.IsAlone)
        {
            return;
        }

        var list = JsonSerializer.SerializeToUtf8Bytes(sites, RecordJson.Default.IReadOnlyListSiteStatus);
        await StoreFailure.TranslateAsync(Database.StringSetAsync(StoreKeys.Sites(store.Owner), list, PostLife), cancellation);
    }

    public async ValueTask<IReadOnlyList<SiteStatus>> ReadPeersAsync(CancellationToken cancellation)
    {
        var peers = (await registry.ReadAsync()).Where(node => node.Owner != store.Owner).ToList();
        var posts = await StoreFailure.TranslateAsync(
            Task.WhenAll(peers.Select(node => Database.StringGetAsync(StoreKeys.Sites(node.Owner), StoreConnections.FromPrimary))), cancellation);
        return [.. posts.Zip(peers).SelectMany(post => ReadPost(post.First).Select(status => status with { Node = post.Second.Name }))];
    }

    // One that a later version wrote otherwise is begun anew: for some seconds a share may be given twice.
    private static ShareTable Read(RedisValue table)
    {
        try
        {
            return table.IsNull
                ? ShareTable.Empty
                : JsonSerializer.Deserialize(((ReadOnlyMemory<byte>)table).Span, RecordJson.Default.ShareTable) ?? ShareTable.Empty;
        }
        catch (JsonException)
        {
            return ShareTable.Empty;
        }
    }

    private static IReadOnlyList<SiteStatus> ReadPost(RedisValue post)
    {
        try
        {
            return post.IsNull ? [] : JsonSerializer.Deserialize(((ReadOnlyMemory<byte>)post).Span, RecordJson.Default.IReadOnlyListSiteStatus) ?? [];
        }
        catch (JsonException)
        {
            return [];
        }
    }
}
