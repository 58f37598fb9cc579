using Relay.Mail.Events;
using Relay.Mail.Sites;
using Relay.TestKit.Relays;
using Relay.TestKit.Remote;

namespace Relay.Tests.Delivery.Scheduling;

/// <summary>A host that is down costs little, however much mail waits for it, and holds up nobody.</summary>
public sealed class DeadSiteTests
{
    private const int Backlog = 400;

    [Fact]
    public async Task The_mail_of_a_dead_host_is_left_in_the_queue_and_other_mail_flows()
    {
        await using var alive = ScriptedSmtpServer.Start();
        await using var delivery = await StartAsync(FreePorts.Next(), alive);
        await AcceptBacklogAsync(delivery);

        // Some are tried before it is known that nobody is there.
        await WaitUntil.TrueAsync(() => delivery.Queue.Settlements.Count >= 5);
        for (var i = 0; i < 20; i++)
        {
            await delivery.AcceptAsync($"b{i}@alive.test");
        }

        await alive.WaitForMessagesAsync(20, TestContext.Current.CancellationToken);
        await WaitUntil.TrueAsync(() => delivery.Window.Held == 0);
        Assert.InRange(delivery.Queue.Settlements.Count(s => s.Next is not null), 5, 60);
    }

    [Fact]
    public async Task Whoever_runs_the_relay_sees_which_hosts_are_left_alone_and_until_when()
    {
        await using var alive = ScriptedSmtpServer.Start();
        var port = FreePorts.Next();
        await using var delivery = await StartAsync(port, alive);
        await AcceptBacklogAsync(delivery);
        await WaitUntil.TrueAsync(() => delivery.Queue.Settlements.Count >= 5 && delivery.Window.Held == 0);
        var reader = delivery.Part<ISiteReader>();
        SiteStatus? dead = null;
        await WaitUntil.TrueAsync(() => (dead = reader.List().SingleOrDefault(s => s.Name == $"127.0.0.1:{port}")) is not null);

        Assert.Equal((true, 0, 10, 0), (dead!.IsResting, dead.Limit, dead.Ceiling, dead.Connections));
        Assert.StartsWith("connection refused", dead.Why, StringComparison.Ordinal);
        Assert.Equal(delivery.Time.GetUtcNow() + TimeSpan.FromSeconds(30), dead.Until);

        // One unit tries, and it goes on.
        await using var back = ScriptedSmtpServer.Start(port: port);
        await WaitUntil.TrueAsync(() =>
        {
            delivery.Time.Advance(TimeSpan.FromMilliseconds(500));
            return back.Messages.Count == Backlog;
        });
        Assert.DoesNotContain(reader.List(), s => s.IsResting);
    }

    [Fact]
    public async Task What_waits_for_a_dead_host_is_told_why_little_by_little()
    {
        await using var alive = ScriptedSmtpServer.Start();
        await using var delivery = await StartAsync(FreePorts.Next(), alive);
        await AcceptBacklogAsync(delivery);
        await WaitUntil.TrueAsync(() => delivery.Queue.Settlements.Count >= 5 && delivery.Window.Held == 0);
        var before = delivery.Queue.Settlements.Count;

        delivery.Time.Advance(TimeSpan.FromSeconds(1));
        await WaitUntil.TrueAsync(() => delivery.Queue.Settlements.Count >= before + 50);
        await WaitUntil.TrueAsync(() => delivery.Window.Held == 0);

        Assert.InRange(delivery.Queue.Settlements.Count, before + 50, before + 100);
        Assert.Contains("left alone until", delivery.Queue.Settlements[^1].Events[0].Reply, StringComparison.Ordinal);
    }

    [Fact]
    public async Task When_the_host_is_back_one_unit_finds_out_and_all_follow()
    {
        await using var alive = ScriptedSmtpServer.Start();
        var port = FreePorts.Next();
        await using var delivery = await StartAsync(port, alive);
        await AcceptBacklogAsync(delivery);
        await WaitUntil.TrueAsync(() => delivery.Queue.Settlements.Count >= 5 && delivery.Window.Held == 0);

        await using var back = ScriptedSmtpServer.Start(port: port);
        await WaitUntil.TrueAsync(() =>
        {
            // Slow enough that no connection is taken for dead while it answers.
            delivery.Time.Advance(TimeSpan.FromMilliseconds(500));
            return back.Messages.Count == Backlog;
        });
    }

    private static async Task AcceptBacklogAsync(DeliveryUnderTest delivery)
    {
        for (var i = 0; i < Backlog; i++)
        {
            await delivery.AcceptAsync($"a{i}@dead.test");
        }
    }

    private static Task<DeliveryUnderTest> StartAsync(int deadPort, ScriptedSmtpServer alive) => DeliveryUnderTest.StartAsync(
    [
        ("Delivery:Routes:0:Domain", "dead.test"), ("Delivery:Routes:0:Host", "127.0.0.1"), ("Delivery:Routes:0:Port", deadPort), ("Delivery:Routes:0:Tls", "None"),
        ("Delivery:Routes:1:Domain", "*"), ("Delivery:Routes:1:Host", "127.0.0.1"), ("Delivery:Routes:1:Port", alive.Port), ("Delivery:Routes:1:Tls", "None"),
    ]);
}
