using Relay.Mail.Events;
using Relay.TestKit.Dns;
using Relay.TestKit.Remote;

namespace Relay.Tests.Delivery.Connections;

public sealed class NextHostTests
{
    [Theory]
    [InlineData(RemoteStage.Greeting)]
    [InlineData(RemoteStage.Ehlo)]
    public async Task A_host_that_fails_before_any_mail_leads_to_the_next(RemoteStage stage)
    {
        await using var bad = ScriptedSmtpServer.Start(new RemoteScript().On(stage, RemoteAnswer.Say("421 4.3.2 No").ThenClose()), "127.0.0.2");
        await using var good = ScriptedSmtpServer.Start(null, "127.0.0.3", bad.Port);
        await using var dns = Dns();
        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, bad.Port);

        var delivered = (await delivery.SendAsync("a@remote.test"))[0];

        Assert.Equal((MailEventType.Delivered, "second.test", 1), (delivered.Type, delivered.Host, delivered.Attempt));
        Assert.Single(bad.Sessions);
    }

    [Fact]
    public async Task A_refused_connection_leads_to_the_next()
    {
        await using var good = ScriptedSmtpServer.Start(null, "127.0.0.3");
        await using var dns = Dns();
        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, good.Port);

        Assert.Equal("second.test", (await delivery.SendAsync("a@remote.test"))[0].Host);
    }

    [Fact]
    public async Task A_host_of_several_addresses_is_tried_at_each()
    {
        await using var good = ScriptedSmtpServer.Start(null, "127.0.0.3");
        await using var dns = ScriptedDns.Start().Mx("remote.test", (10, "mx.test")).A("mx.test", "127.0.0.2", "127.0.0.3");
        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, good.Port);

        Assert.Equal($"127.0.0.3:{good.Port}", (await delivery.SendAsync("a@remote.test"))[0].Address);
    }

    [Theory]
    [InlineData(RemoteStage.Mail)]
    [InlineData(RemoteStage.Data)]
    [InlineData(RemoteStage.EndOfData)]
    public async Task A_host_that_fails_once_mail_has_begun_does_not(RemoteStage stage)
    {
        await using var bad = ScriptedSmtpServer.Start(new RemoteScript().On(stage, RemoteAnswer.Close), "127.0.0.2");
        await using var good = ScriptedSmtpServer.Start(null, "127.0.0.3", bad.Port);
        await using var dns = Dns();
        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, bad.Port);

        Assert.Equal("first.test", (await delivery.SendAsync("a@remote.test"))[0].Host);
        Assert.Empty(good.Sessions);
    }

    [Fact]
    public async Task What_one_host_says_is_heard_though_the_next_one_is_not_there()
    {
        await using var busy = ScriptedSmtpServer.Start(
            new RemoteScript().On(RemoteStage.Greeting, RemoteAnswer.Say("421 4.7.0 Too many messages from you, try again in 10 minutes").ThenClose()), "127.0.0.2");
        await using var dns = Dns();
        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, busy.Port);
        var before = delivery.Time.GetUtcNow();

        var deferred = (await delivery.SendAsync("a@remote.test"))[0];

        Assert.Equal(("421 4.7.0 Too many messages from you, try again in 10 minutes", "first.test"), (deferred.Reply, deferred.Host));
        Assert.InRange(deferred.NextAttempt!.Value - before, TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(11));
    }

    [Fact]
    public async Task A_host_that_failed_often_is_left_alone_for_a_while_and_then_tried_again()
    {
        var broken = true;
        await using var remote = ScriptedSmtpServer.Start(
            new RemoteScript().On(RemoteStage.Greeting, _ => broken ? RemoteAnswer.Say("421 4.3.2 No").ThenClose() : null));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, ("Delivery:Retry:Schedule:0", "01:00:00"));

        for (var i = 0; i < 5; i++)
        {
            await delivery.SendAsync("a@remote.test");
        }

        // What comes now is told so without being tried.
        await delivery.AcceptAsync("a@remote.test");
        delivery.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Contains("left alone", (await delivery.SettledAsync(6)).Events[0].Reply);
        Assert.Equal(5, remote.Sessions.Count);

        broken = false;
        delivery.Time.Advance(TimeSpan.FromSeconds(30));
        Assert.Equal(MailEventType.Delivered, (await delivery.SendAsync("b@remote.test"))[0].Type);
    }

    private static ScriptedDns Dns() => ScriptedDns.Start()
        .Mx("remote.test", (10, "first.test"), (20, "second.test"))
        .A("first.test", "127.0.0.2")
        .A("second.test", "127.0.0.3");
}
