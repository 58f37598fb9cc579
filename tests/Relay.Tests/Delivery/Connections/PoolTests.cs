using Relay.Mail.Events;
using Relay.TestKit.Dns;
using Relay.TestKit.InMemory;
using Relay.TestKit.Remote;

namespace Relay.Tests.Delivery.Connections;

public sealed class PoolTests
{
    [Fact]
    public async Task A_mistake_of_ours_while_a_host_greets_leaves_no_connection_behind()
    {
        var never = new TaskCompletionSource();
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().On(RemoteStage.Greeting, RemoteAnswer.Silence.After(never.Task)));
        var wait = TimeSpan.FromSeconds(427);
        var time = new TroubledTime(wait);
        await using var delivery = await DeliveryUnderTest.StartNodeAsync(
            time, new InMemorySiteBoard(time),
            ("Delivery:Timeouts:Greeting", wait),
            ("Delivery:Routes:0:Domain", "*"), ("Delivery:Routes:0:Host", "127.0.0.1"), ("Delivery:Routes:0:Port", remote.Port), ("Delivery:Routes:0:Tls", "None"));

        var deferred = Assert.Single(await delivery.SendAsync("a@remote.test"));
        never.SetResult();

        Assert.Equal("internal.error", deferred.Rule);
        await remote.WaitForClosedAsync(1, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_warm_connection_carries_the_next_message()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, ("Delivery:ConnectionsPerSite", 1));

        await delivery.SendAsync("a@one.test");
        await delivery.SendAsync("b@two.test");

        Assert.Single(remote.Sessions);
        Assert.Equal(remote.Sessions, remote.ReusedSessions);
    }

    [Fact]
    public async Task A_connection_is_closed_with_QUIT_when_it_was_idle_for_long_enough()
    {
        await using var remote = ScriptedSmtpServer.Start();

        // The clock runs faster than the wire.
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, ("Delivery:ConnectionsPerSite", 1), ("Delivery:Timeouts:Quit", "01:00:00"));

        await delivery.SendAsync("a@remote.test");
        await WaitUntil.TrueAsync(() =>
        {
            delivery.Time.Advance(TimeSpan.FromSeconds(10));
            return remote.Sessions[0].IsClosed;
        });

        Assert.Equal("QUIT", remote.Sessions[0].Commands[^1]);
        await WaitUntil.TrueAsync(() => delivery.Sites.Count == 0);
    }

    [Fact]
    public async Task A_connection_is_given_up_after_its_messages()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, ("Delivery:MessagesPerConnection", 2), ("Delivery:ConnectionsPerSite", 1));

        for (var i = 0; i < 5; i++)
        {
            await delivery.SendAsync("a@remote.test");
        }

        Assert.Equal([2, 2, 1], remote.Messages.GroupBy(m => m.Session).Select(g => g.Count()));
    }

    [Fact]
    public async Task No_more_connections_than_allowed_are_open_to_a_site()
    {
        var (go, third) = (new TaskCompletionSource(), new TaskCompletionSource());
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript()
            .On(RemoteStage.Mail, RemoteAnswer.Say("250 Ok").After(go.Task))
            .On(RemoteStage.EndOfData, m => m.Count > 2 ? RemoteAnswer.Say("250 Ok").After(third.Task) : null));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, ("Delivery:ConnectionsPerSite", 3));

        for (var i = 0; i < 20; i++)
        {
            await delivery.AcceptAsync($"a{i}@remote.test");
        }

        // A stranger gets two, and more once it has answered.
        await remote.WaitForSessionsAsync(2, TestContext.Current.CancellationToken);
        go.SetResult();
        await remote.WaitForSessionsAsync(3, TestContext.Current.CancellationToken);
        third.SetResult();
        await delivery.SettledAsync(20);

        Assert.Equal(3, remote.Sessions.Count);
        Assert.Equal(20, remote.Messages.Count);
    }

    [Fact]
    public async Task Warm_connections_stay_while_mail_comes_in_bursts()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, ("Delivery:ConnectionsPerSite", 3), ("Delivery:MessagesPerConnection", 10_000));

        for (var burst = 1; burst <= 20; burst++)
        {
            for (var i = 0; i < 10; i++)
            {
                await delivery.AcceptAsync($"a{i}@remote.test");
            }

            await delivery.SettledAsync(burst * 10);
        }

        Assert.InRange(remote.Sessions.Count, 1, 3);
    }

    [Fact]
    public async Task An_idle_connection_that_the_remote_closed_costs_no_attempt()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, ("Delivery:ConnectionsPerSite", 1));
        await delivery.SendAsync("a@remote.test");

        await remote.Sessions[0].CloseIdleAsync("421 4.4.2 Idle for too long");
        var delivered = (await delivery.SendAsync("b@remote.test"))[0];

        Assert.Equal((MailEventType.Delivered, 1), (delivered.Type, delivered.Attempt));
        Assert.Equal(2, remote.Sessions.Count);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("421 4.4.2 Too late")]
    public async Task A_warm_connection_that_ends_before_its_first_reply_costs_no_attempt(string? word)
    {
        var script = new RemoteScript().On(RemoteStage.Mail, m => m.Count == 2 ? new RemoteAnswer(word).ThenClose() : null);
        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, ("Delivery:ConnectionsPerSite", 1));
        await delivery.SendAsync("a@remote.test");

        var delivered = (await delivery.SendAsync("b@remote.test"))[0];

        Assert.Equal((MailEventType.Delivered, 1), (delivered.Type, delivered.Attempt));
    }

    [Fact]
    public async Task An_idle_connection_that_has_lost_its_other_end_without_a_sign_costs_no_attempt_and_little_time()
    {
        var never = new TaskCompletionSource();
        var script = new RemoteScript().On(RemoteStage.Mail, m => m is { Session.Number: 1, Count: 2 } ? RemoteAnswer.Silence.After(never.Task) : null);
        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(
            remote, ("Delivery:ConnectionsPerSite", 1), ("Delivery:Timeouts:Mail", "01:00:00"));
        await delivery.SendAsync("a@remote.test");
        await WaitUntil.TrueAsync(() => delivery.IsAnyParked);
        delivery.Time.Advance(TimeSpan.FromSeconds(5));

        var began = delivery.Time.GetUtcNow();
        await delivery.AcceptAsync("b@remote.test");
        await WaitUntil.TrueAsync(() =>
        {
            // The second connection takes its own time to be made.
            delivery.Time.Advance(remote.Sessions[0].IsClosed ? TimeSpan.Zero : TimeSpan.FromMilliseconds(100));
            return delivery.Queue.Settlements.Count == 2;
        });

        var delivered = delivery.Queue.Settlements[1].Events[0];
        Assert.Equal((MailEventType.Delivered, 1), (delivered.Type, delivered.Attempt));
        Assert.Equal([1, 2], remote.Messages.Select(m => m.Session.Number));
        Assert.InRange(delivered.Time - began, TimeSpan.FromSeconds(10), TimeSpan.FromMinutes(59));
    }

    [Fact]
    public async Task A_connection_in_use_has_all_the_time_for_its_answers_that_it_may_take()
    {
        var go = new TaskCompletionSource();
        var script = new RemoteScript().On(RemoteStage.Mail, m => m.Count == 1 ? RemoteAnswer.Say("250 Ok").After(go.Task) : null);
        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        await delivery.AcceptAsync("a@remote.test");
        await WaitUntil.TrueAsync(() => remote.Sessions is [{ Commands.Count: > 1 }]);

        delivery.Time.Advance(TimeSpan.FromMinutes(4));
        go.SetResult();

        Assert.Equal(MailEventType.Delivered, (await delivery.SettledAsync()).Events[0].Type);
        Assert.Single(remote.Sessions);
    }

    [Theory]
    [InlineData("421 4.7.0 Too many connections")]
    [InlineData(null)]
    public async Task A_remote_that_allows_few_connections_gets_its_mail_over_those(string? words)
    {
        var go = new TaskCompletionSource();
        var script = new RemoteScript()
            .On(RemoteStage.Greeting, m => m.Session.Number > 1 ? new RemoteAnswer(words).ThenClose() : null)
            .On(RemoteStage.Mail, RemoteAnswer.Say("250 Ok").After(go.Task));
        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        await delivery.AcceptAsync("first@remote.test");
        await WaitUntil.TrueAsync(() => remote.Sessions.Count == 1 && remote.Sessions[0].Commands.Count > 1);

        for (var i = 0; i < 10; i++)
        {
            await delivery.AcceptAsync($"a{i}@remote.test");
        }

        await remote.WaitForClosedAsync(1, TestContext.Current.CancellationToken);
        go.SetResult();
        await delivery.SettledAsync(11);

        Assert.All(delivery.Queue.Settlements.SelectMany(s => s.Events), e => Assert.Equal((MailEventType.Delivered, 1), (e.Type, e.Attempt)));
    }

    [Fact]
    public async Task Domains_and_accounts_with_the_same_hosts_share_connections()
    {
        await using var dns = ScriptedDns.Start();
        await using var remote = ScriptedSmtpServer.Start();
        dns.Mx("one.test", (10, "mx1.test"), (20, "mx2.test")).Mx("two.test", (5, "mx1.test"), (50, "mx2.test"))
            .A("mx1.test", "127.0.0.1").A("mx2.test", "127.0.0.1");
        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, remote.Port, ("Delivery:ConnectionsPerSite", 1));

        await delivery.SendAsync("a@one.test");
        await delivery.SendAsync("b@two.test");
        await delivery.SendAsync(A.Message(delivery.Time, "c@two.test") with { Account = "other" });

        Assert.Single(remote.Sessions);
    }

    [Fact]
    public async Task The_configured_source_address_is_sent_from()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, ("Delivery:SourceAddresses:0", "127.0.0.9"));

        await delivery.SendAsync("a@remote.test");

        Assert.Equal("127.0.0.9", remote.Sessions[0].ClientAddress.ToString());
    }
}
