using System.Net;
using System.Net.Sockets;
using Relay.Mail.Events;
using Relay.TestKit.Remote;

namespace Relay.Tests.Delivery.Sending;

public sealed class HostileRemoteTests
{
    [Theory]
    [InlineData(RemoteStage.Greeting, "220-and on")]
    [InlineData(RemoteStage.Ehlo, "250-and on")]
    [InlineData(RemoteStage.Mail, "250-and on")]
    public async Task An_endless_reply_is_cut_off(RemoteStage stage, string line)
    {
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().On(stage, RemoteAnswer.Say(line).ForEver()));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        var deferred = (await delivery.SendAsync("a@remote.test"))[0];

        Assert.Equal((MailEventType.Deferred, "the remote's reply has no end"), (deferred.Type, deferred.Reply));
        await remote.WaitForClosedAsync(1, TestContext.Current.CancellationToken);
    }

    [Theory]
    [InlineData(RemoteStage.Greeting)]
    [InlineData(RemoteStage.Ehlo)]
    [InlineData(RemoteStage.Rcpt)]
    public async Task Garbage_is_no_reply(RemoteStage stage)
    {
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().On(stage, "HTTP/1.1 400 Bad Request"));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        var deferred = (await delivery.SendAsync("a@remote.test"))[0];

        Assert.Equal((MailEventType.Deferred, "the remote's reply is no SMTP"), (deferred.Type, deferred.Reply));
    }

    [Fact]
    public async Task Garbage_behind_the_dot_is_no_answer_to_it()
    {
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().On(RemoteStage.EndOfData, "thanks!"));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        Assert.Equal(MailEventType.Uncertain, (await delivery.SendAsync("a@remote.test"))[0].Type);
    }

    [Fact]
    public async Task A_remote_that_falls_silent_behind_354_costs_one_timeout_and_no_message()
    {
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().On(RemoteStage.Data, RemoteAnswer.Silence));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        await delivery.AcceptAsync("a@remote.test");
        var session = (await remote.WaitForSessionsAsync(1, TestContext.Current.CancellationToken))[0];
        await WaitUntil.TrueAsync(() => session.Commands.Contains("DATA"));
        await delivery.AdvanceUntilSettledAsync(TimeSpan.FromMinutes(2));

        var deferred = delivery.Queue.Settlements[0].Events[0];
        Assert.Equal((MailEventType.Deferred, "timed out waiting for a reply"), (deferred.Type, deferred.Reply));
    }

    /// <summary>A wait that begins anew with each octet would let one host hold a connection for days.</summary>
    [Fact]
    public async Task A_reply_that_drips_gains_no_time()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        await using var delivery = await DeliveryUnderTest.StartAsync(
            ("Delivery:Routes:0:Domain", "*"), ("Delivery:Routes:0:Host", "127.0.0.1"), ("Delivery:Routes:0:Port", ((IPEndPoint)listener.LocalEndpoint).Port), ("Delivery:Routes:0:Tls", "None"),
            ("Delivery:Timeouts:Connect", "01:00:00"));

        await delivery.AcceptAsync("a@remote.test");
        using var remote = await listener.AcceptTcpClientAsync(TestContext.Current.CancellationToken);
        var stream = remote.GetStream();
        var dripped = 0;
        await stream.WriteAsync("220-drip"u8.ToArray(), TestContext.Current.CancellationToken);
        await WaitUntil.TrueAsync(() =>
        {
            if (delivery.Queue.Settlements.Count > 0)
            {
                return true;
            }

            try
            {
                stream.Write("."u8);
                dripped++;
            }
            catch (IOException)
            {
                // It has had enough.
            }

            delivery.Time.Advance(TimeSpan.FromSeconds(20));
            return false;
        });

        // Five minutes for a greeting are fifteen such steps; the clock may be ahead of the wire by any number.
        var deferred = delivery.Queue.Settlements[0].Events[0];
        Assert.Equal((MailEventType.Deferred, "timed out waiting for a reply"), (deferred.Type, deferred.Reply));
        Assert.True(dripped >= 15);
    }

    [Theory]
    [InlineData(RemoteStage.Greeting, 5)]
    [InlineData(RemoteStage.Mail, 5)]
    public async Task A_remote_that_says_nothing_costs_one_timeout(RemoteStage stage, int minutes)
    {
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().On(stage, RemoteAnswer.Silence));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        await delivery.AcceptAsync("a@remote.test");
        await remote.WaitForSessionsAsync(1, TestContext.Current.CancellationToken);
        await delivery.AdvanceUntilSettledAsync(TimeSpan.FromMinutes(minutes));

        Assert.Equal(MailEventType.Deferred, delivery.Queue.Settlements[0].Events[0].Type);
    }

    [Fact]
    public async Task A_250_before_the_dot_is_no_answer_to_it()
    {
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().On(RemoteStage.Data, "354 Go\r\n250 2.0.0 Already have it"));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        var deferred = (await delivery.SendAsync("a@remote.test"))[0];

        Assert.Equal((MailEventType.Deferred, "smtp.unexpected-reply"), (deferred.Type, deferred.Rule));
        Assert.Empty(remote.Messages);
    }

    [Fact]
    public async Task A_5yz_before_the_dot_is_an_answer()
    {
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().On(RemoteStage.Data, "354 Go\r\n554 5.7.1 On second thought, no"));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        Assert.Equal("554 5.7.1 On second thought, no", (await delivery.SendAsync("a@remote.test"))[0].Reply);
    }

    [Fact]
    public async Task A_2yz_to_DATA_is_no_leave_to_send()
    {
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().On(RemoteStage.Data, "250 Ok"));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        Assert.Equal("smtp.unexpected-reply", (await delivery.SendAsync("a@remote.test"))[0].Rule);
        Assert.Empty(remote.Messages);
    }

    [Theory]
    [InlineData(RemoteStage.Mail)]
    [InlineData(RemoteStage.Rcpt)]
    [InlineData(RemoteStage.Data)]
    public async Task A_421_in_the_midst_of_the_flight_defers_who_had_no_answer(RemoteStage stage)
    {
        var script = new RemoteScript()
            .On(RemoteStage.Rcpt, m => m.Count == 1 && stage != RemoteStage.Mail ? RemoteAnswer.Say("550 5.1.1 No") : null)
            .On(stage, RemoteAnswer.Say("421 4.3.2 Going down").ThenClose());
        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        var events = await delivery.SendAsync("a@remote.test", "b@remote.test");

        Assert.Equal(stage == RemoteStage.Mail ? MailEventType.Deferred : MailEventType.Bounced, events[0].Type);
        Assert.Equal((MailEventType.Deferred, "421 4.3.2 Going down"), (events[1].Type, events[1].Reply));
    }

    [Fact]
    public async Task A_reply_too_many_ends_the_connection()
    {
        var script = new RemoteScript().Once(RemoteStage.EndOfData, "250 2.0.0 Ok\r\n250 2.0.0 And Ok");
        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, ("Delivery:ConnectionsPerSite", 1));

        await delivery.SendAsync("a@remote.test");
        Assert.Equal("250 2.0.0 Ok: queued as 2-1", (await delivery.SendAsync("b@remote.test"))[0].Reply);
        Assert.Equal(2, remote.Sessions.Count);
    }
}
