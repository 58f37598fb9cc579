using Relay.Mail.Sites;
using Relay.TestKit.Redis;

namespace Relay.Tests.Redis.Nodes;

/// <summary>What nodes on one store share and tell each other of their receivers.</summary>
public sealed class SiteBoardTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Nodes_that_ask_at_the_same_time_get_no_more_than_there_is()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using var first = await StartAsync(redis);
        await using var second = await StartAsync(redis);
        await using var third = await StartAsync(redis);
        ISiteBoard[] boards = [first.Get<ISiteBoard>(), second.Get<ISiteBoard>(), third.Get<ISiteBoard>()];
        var inUse = new int[3];

        for (var round = 0; round < 5; round++)
        {
            var shares = await Task.WhenAll(boards.Select((board, i) => board.RenewAsync("orange", new ShareWish(7, 5, inUse[i]), Cancellation).AsTask()));
            inUse = [.. shares.Select(share => share.Connections)];
            Assert.InRange(inUse.Sum(), 1, 7);
        }

        Assert.Equal([2, 2, 3], inUse.Order());
        Assert.Equal(10, (await boards[0].RenewAsync("elsewhere", new ShareWish(10, 50, 0), Cancellation)).Connections);
    }

    [Fact]
    public async Task What_one_node_puts_up_the_others_read_under_its_name()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using var first = await StartAsync(redis);
        await using var second = await StartAsync(redis);
        await Eventually.HoldsAsync(() => first.Get<ISiteBoard>().Nodes == 2 && second.Get<ISiteBoard>().Nodes == 2, Cancellation);

        await first.Get<ISiteBoard>().PostAsync(
            [new SiteStatus { Node = "", Name = "orange", Sites = 1, Connections = 2, Limit = 2, Ceiling = 3, Waiting = 9, Why = "as many as this node's share", PerMinute = 12 }],
            Cancellation);

        var seen = Assert.Single(await second.Get<ISiteBoard>().ReadPeersAsync(Cancellation));
        Assert.Equal((Environment.MachineName, "orange", 2, 9), (seen.Node, seen.Name, seen.Connections, seen.Waiting));
        Assert.Empty(await first.Get<ISiteBoard>().ReadPeersAsync(Cancellation));
    }

    [Fact]
    public async Task Who_only_takes_mail_in_and_who_only_delivers_are_counted_apart()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using var both = await StartAsync(redis);
        await using var door = await StartAsync(redis, ["intake"]);
        await using var another = await StartAsync(redis, ["intake", "feedback"]);
        await using var delivering = await StartAsync(redis, ["delivery"]);

        await Eventually.HoldsAsync(() => both.Get<ISiteBoard>() is { Doors: 3, Nodes: 2 } && door.Get<ISiteBoard>() is { Doors: 3, Nodes: 2 }, Cancellation);
    }

    private static Task<StoreUnderTest> StartAsync(RedisServer redis, params string[] roles) =>
        StoreUnderTest.StartAsync(
            redis.ConnectionString, StoreUnderTest.NewFolder(), TimeProvider.System, Cancellation,
            [("Queue:Lease", "00:00:03"), .. roles.Select((role, i) => ($"Roles:{i}", role))]);
}
