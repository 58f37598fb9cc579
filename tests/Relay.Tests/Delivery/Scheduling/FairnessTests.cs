using Relay.Delivery.Scheduling;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.TestKit.Relays;
using Relay.TestKit.Remote;

namespace Relay.Tests.Delivery.Scheduling;

public sealed class FairnessTests
{
    // Hosts, more than find room in the window.
    private const int Silent = 100;

    [Fact]
    public async Task A_slow_site_with_much_mail_does_not_hold_up_another()
    {
        await using var slow = StartSilent();
        await using var quick = ScriptedSmtpServer.Start();
        await using var delivery = await StartAsync(slow, quick, ("Delivery:Window:Units", 64));

        for (var i = 0; i < 300; i++)
        {
            await delivery.AcceptAsync($"a{i}@slow.test");
        }

        for (var i = 0; i < 20; i++)
        {
            Assert.Equal(MailEventType.Delivered, (await delivery.SendAsync($"b{i}@quick.test"))[0].Type);
        }
    }

    [Fact]
    public async Task Many_slow_sites_leave_room_for_one_more()
    {
        await using var slow = StartSilent();
        await using var quick = ScriptedSmtpServer.Start();

        await using var delivery = await StartAsync(slow, quick, [("Delivery:Window:Units", 128), .. SitesAt(slow, 20)]);

        for (var i = 0; i < 1_000; i++)
        {
            await delivery.AcceptAsync($"a@slow{(i % 20) + 1}.test");
        }

        Assert.Equal(MailEventType.Delivered, (await delivery.SendAsync("b@quick.test"))[0].Type);
        Assert.True(delivery.Window.Held < 128);
    }

    [Fact]
    public async Task Hosts_that_never_answer_leave_a_place_for_the_newest_one_before_they_time_out()
    {
        await using var slow = StartSilent();
        await using var quick = ScriptedSmtpServer.Start();
        await using var delivery = await StartAmongSilentAsync(slow, quick);
        await AcceptForSilentAsync(delivery);

        // Half of what there is, and from then on one after the other, the less is left the slower.
        await WaitUntil.TrueAsync(() => IsFull(delivery));
        await delivery.AcceptAsync("b@quick.test");

        // Of the next places one is for the newest. A place whose time has come is taken before the clock goes on.
        for (var second = 0; second < 25 && quick.Messages.Count == 0; second++)
        {
            delivery.Time.Advance(TimeSpan.FromSeconds(1));
            await WaitUntil.TrueAsync(() => IsFull(delivery) || quick.Messages.Count > 0);
        }

        await quick.WaitForMessagesAsync(1, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Of_domains_for_which_there_is_no_room_nothing_is_remembered()
    {
        await using var slow = StartSilent();
        await using var quick = ScriptedSmtpServer.Start();
        await using var delivery = await StartAmongSilentAsync(slow, quick);
        await AcceptForSilentAsync(delivery);
        await WaitUntil.TrueAsync(() => IsFull(delivery));
        var dispatcher = delivery.Part<Dispatcher>();
        for (var i = 0; i < 1_000; i++)
        {
            var lane = new Lane($"other{i}.test", "default", MessageClass.Transactional);
            Assert.False(dispatcher.HasRoomFor(lane));
            Assert.NotNull(dispatcher.ClosedGate(lane));
        }

        Assert.InRange(dispatcher.Known, 1, Silent);
    }

    [Fact]
    public async Task Nor_do_they_keep_mail_from_being_told_that_its_host_is_left_alone()
    {
        const int Dead = 60;
        await using var slow = StartSilent();
        await using var quick = ScriptedSmtpServer.Start();
        await using var delivery = await StartAmongSilentAsync(
            slow, quick,
            ("Delivery:Routes:998:Domain", "dead.test"), ("Delivery:Routes:998:Host", "127.0.0.1"), ("Delivery:Routes:998:Port", FreePorts.Next()), ("Delivery:Routes:998:Tls", "None"));
        for (var i = 0; i < Dead; i++)
        {
            await delivery.AcceptAsync($"a{i}@dead.test");
        }

        await WaitUntil.TrueAsync(() => delivery.Queue.Settlements.Count >= 5 && delivery.Window.Held == 0);
        await AcceptForSilentAsync(delivery);
        await WaitUntil.TrueAsync(() => IsFull(delivery));
        var before = delivery.Queue.Settlements.Count;
        delivery.Time.Advance(TimeSpan.FromSeconds(1));

        await WaitUntil.TrueAsync(() => delivery.Queue.Settlements.Count >= before + 10);
        Assert.Contains("left alone until", delivery.Queue.Settlements[^1].Events[0].Reply, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_lane_that_was_full_goes_on_when_it_has_room_without_waiting_for_a_clock()
    {
        await using var slow = ScriptedSmtpServer.Start();
        await using var quick = ScriptedSmtpServer.Start();
        await using var delivery = await StartAsync(slow, quick, ("Delivery:ConnectionsPerSite", 2), ("Delivery:Window:UnitsPerConnection", 8));

        for (var i = 0; i < 500; i++)
        {
            await delivery.AcceptAsync($"a{i}@quick.test");
        }

        // The clock stands still, so nothing but our own asking can bring the rest.
        await delivery.SettledAsync(500);
        Assert.Equal(500, quick.Messages.Count);
    }

    [Fact]
    public async Task Settlements_that_the_store_holds_up_hold_up_no_connection_until_the_window_is_full()
    {
        var store = new TaskCompletionSource();
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(
            remote, ("Delivery:Window:Units", 64), ("Delivery:ConnectionsPerSite", 1), ("Delivery:Window:UnitsPerConnection", 16));
        delivery.Queue.SettleGate = store.Task;

        for (var i = 0; i < 200; i++)
        {
            await delivery.AcceptAsync($"a{i}@remote.test");
        }

        await remote.WaitForMessagesAsync(16, TestContext.Current.CancellationToken);
        Assert.Single(remote.Sessions);
        Assert.InRange(remote.Messages.Count, 16, 64);

        store.SetResult();
        await delivery.SettledAsync(200);
        Assert.Equal(200, remote.Messages.Count);
    }

    [Fact]
    public async Task Nothing_is_left_of_a_site_when_its_mail_is_gone()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, ("Delivery:IdleConnection", "00:00:00"));

        for (var i = 0; i < 50; i++)
        {
            await delivery.AcceptAsync($"a{i}@d{i}.test");
        }

        await delivery.SettledAsync(50);
        await WaitUntil.TrueAsync(() => delivery.Sites.Count == 0 && delivery.Window.Held == 0);
        Assert.Equal(50, remote.Messages.Count);
    }

    // Takes connections and never greets.
    private static ScriptedSmtpServer StartSilent() =>
        ScriptedSmtpServer.Start(new RemoteScript().On(RemoteStage.Greeting, RemoteAnswer.Silence.After(new TaskCompletionSource().Task)));

    private static Task<DeliveryUnderTest> StartAmongSilentAsync(ScriptedSmtpServer slow, ScriptedSmtpServer quick, params (string, object)[] more) =>
        StartAsync(slow, quick, [("Delivery:Window:Units", 64), .. SitesAt(slow, Silent), .. more]);

    private static async Task AcceptForSilentAsync(DeliveryUnderTest delivery)
    {
        for (var i = 1; i <= Silent; i++)
        {
            await delivery.AcceptAsync($"a@slow{i}.test");
        }
    }

    // For one more host of which nothing is known.
    private static bool IsFull(DeliveryUnderTest delivery) => !delivery.Window.Fits("default", new Stock(), new Room(10), isGood: false);

    // A login of its own makes each route a site of its own.
    private static IEnumerable<(string, object)> SitesAt(ScriptedSmtpServer slow, int count) => Enumerable.Range(1, count).SelectMany(i => new (string, object)[]
    {
        ($"Delivery:Routes:{i}:Domain", $"slow{i}.test"), ($"Delivery:Routes:{i}:Host", "127.0.0.1"), ($"Delivery:Routes:{i}:Port", slow.Port),
        ($"Delivery:Routes:{i}:Tls", "None"), ($"Delivery:Routes:{i}:Username", $"{i}"), ($"Delivery:Routes:{i}:Password", "x"),
    });

    private static Task<DeliveryUnderTest> StartAsync(ScriptedSmtpServer slow, ScriptedSmtpServer quick, params (string, object)[] more) => DeliveryUnderTest.StartAsync(
    [
        ("Delivery:Routes:0:Domain", "*"), ("Delivery:Routes:0:Host", "127.0.0.1"), ("Delivery:Routes:0:Port", slow.Port), ("Delivery:Routes:0:Tls", "None"),
        ("Delivery:Routes:999:Domain", "quick.test"), ("Delivery:Routes:999:Host", "127.0.0.1"), ("Delivery:Routes:999:Port", quick.Port), ("Delivery:Routes:999:Tls", "None"),
        .. more,
    ]);
}
