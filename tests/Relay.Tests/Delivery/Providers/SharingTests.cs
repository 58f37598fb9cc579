using System.Diagnostics;
using Microsoft.Extensions.Time.Testing;
using Relay.Delivery.Providers;
using Relay.Delivery.Routing;
using Relay.Delivery.Scheduling;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Mail.Sites;
using Relay.TestKit.InMemory;
using Relay.TestKit.Remote;

namespace Relay.Tests.Delivery.Providers;

/// <summary>Several nodes that deliver to one receiver.</summary>
public sealed class SharingTests
{
    private static readonly TimeSpan TimeToSend = TimeSpan.FromMilliseconds(100);

    [Fact]
    public async Task Eight_nodes_on_a_limit_of_two_never_open_a_third_connection_and_nobodys_mail_is_stuck()
    {
        var (nodes, remote, time, board) = await StartAsync(8, connections: 2);
        await using var end = remote;
        foreach (var node in nodes)
        {
            for (var i = 0; i < 5; i++)
            {
                await node.AcceptAsync($"a{i}@remote.test");
            }
        }

        // The clock goes on when every node has done with a beat and has had time to send what it may: shares run out by it,
        // but connections are made and closed in their own time.
        for (var beats = 0; remote.Messages.Count < 8 * 5; beats++)
        {
            Assert.True(beats < 1_000, $"{remote.Messages.Count} messages have arrived");
            var before = board.Posted;
            time.Advance(TimeSpan.FromSeconds(2));
            var since = Stopwatch.StartNew();
            await WaitUntil.TrueAsync(() =>
            {
                // A node that was still busy with the beat before has not heard this one.
                if (board.Posted < before + 8 && since.Elapsed > TimeToSend)
                {
                    time.Advance(TimeSpan.FromSeconds(2));
                    since.Restart();
                }

                return board.Posted >= before + 8 && (since.Elapsed > TimeToSend || !nodes.Any(MaySend));
            });
        }

        Assert.InRange(remote.MostOpen, 1, 2);
        await StopAsync(nodes);
    }

    [Fact]
    public async Task A_node_uses_what_the_others_do_not_need()
    {
        var go = new TaskCompletionSource();
        var script = new RemoteScript().On(RemoteStage.EndOfData, m => m.Session.Number > 1 || m.Count > 1 ? RemoteAnswer.Say("250 Ok").After(go.Task) : null);
        var (nodes, remote, time, _) = await StartAsync(2, connections: 10, script);
        await using var end = remote;
        for (var i = 0; i < 60; i++)
        {
            await nodes[0].AcceptAsync($"a{i}@remote.test");
        }

        // One is each node's own; what is left of the other's it may not have.
        await WaitUntil.TrueAsync(() =>
        {
            time.Advance(TimeSpan.FromMilliseconds(100));
            return remote.OpenSessions >= 2;
        });
        go.SetResult();
        await WaitUntil.TrueAsync(() =>
        {
            time.Advance(TimeSpan.FromMilliseconds(100));
            return remote.Messages.Count == 60;
        });
        Assert.InRange(remote.MostOpen, 2, 9);
        await StopAsync(nodes);
    }

    [Fact]
    public async Task Each_node_tells_of_its_share()
    {
        var go = new TaskCompletionSource();
        var (nodes, remote, _, _) = await StartAsync(2, connections: 10, new RemoteScript().On(RemoteStage.EndOfData, RemoteAnswer.Say("250 Ok").After(go.Task)));
        await using var end = remote;
        await nodes[0].AcceptAsync("a@remote.test");
        await remote.WaitForSessionsAsync(1, TestContext.Current.CancellationToken);
        await WaitUntil.TrueAsync(() => nodes[0].Part<ISiteReader>().List() is [{ Connections: 1 }]);

        var site = Assert.Single(nodes[0].Part<ISiteReader>().List());

        Assert.Equal((1, 10, 1), (site.Limit, site.Ceiling, site.Share));
        Assert.Equal("as many as this node's share", site.Why);
        Assert.Empty(nodes[1].Part<ISiteReader>().List());
        go.SetResult();
        await StopAsync(nodes);
    }

    [Fact]
    public async Task A_share_is_asked_for_once_however_much_mail_comes_before_the_answer()
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
        var board = new InMemorySiteBoard(time);
        var shares = new NodeShares(board.Join());
        board.Join();
        using var provider = new Provider("mx.test", isShared: false, new Ceilings(1, 100), shares, time, _ => TimeSpan.FromMinutes(1));
        var plan = RoutePlan.ToExchangers([new RouteHost("mx.test", 25)]);
        var site = new Site(plan, new Standing(plan, provider, time, _ => TimeSpan.FromMinutes(1)), _ => { }, _ => { });
        Assert.Equal(1, CountAsked(mails: 20));

        provider.LookAgain();
        Assert.Equal(1, CountAsked(mails: 20));

        // The answer came: there is nothing to ask for.
        await shares.RenewAsync(provider, TestContext.Current.CancellationToken);
        Assert.Equal(0, CountAsked(mails: 20));

        int CountAsked(int mails)
        {
            for (var i = 0; i < mails; i++)
            {
                var message = A.Message(time, "a@remote.test");
                Assert.True(site.TryAdd(new HeldLease(new Lease { Unit = Unit.Of(message)[0], Message = message })));
            }

            var asked = 0;
            while (shares.Asking.TryRead(out _))
            {
                asked++;
            }

            return asked;
        }
    }

    private static bool MaySend(DeliveryUnderTest node) => node.Part<ISiteReader>().List() is [{ Limit: > 0, Waiting: > 0 }];

    private static async Task<(DeliveryUnderTest[] Nodes, ScriptedSmtpServer Remote, FakeTimeProvider Time, InMemorySiteBoard Board)> StartAsync(int count, int connections, RemoteScript? script = null)
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
        var board = new InMemorySiteBoard(time);
        var remote = ScriptedSmtpServer.Start(script);
        var nodes = new DeliveryUnderTest[count];
        for (var i = 0; i < count; i++)
        {
            nodes[i] = await DeliveryUnderTest.StartNodeAsync(
                time, board,
                ("Delivery:ConnectionsPerSite", connections),

                // The clock runs faster than the wire: no connection is to be taken for dead by it.
                ("Delivery:Timeouts:Reuse", "01:00:00"), ("Delivery:Timeouts:Quit", "01:00:00"),
                ("Delivery:Routes:0:Domain", "*"), ("Delivery:Routes:0:Host", "127.0.0.1"), ("Delivery:Routes:0:Port", remote.Port), ("Delivery:Routes:0:Tls", "None"));
        }

        return (nodes, remote, time, board);
    }

    private static async Task StopAsync(DeliveryUnderTest[] nodes)
    {
        foreach (var node in nodes)
        {
            await node.DisposeAsync();
        }
    }
}
