using Relay.Mail.Events;
using Relay.TestKit.Dns;
using Relay.TestKit.InMemory;
using Relay.TestKit.Remote;

namespace Relay.Tests.Delivery.Sending;

public sealed class LostConnectionTests
{
    public static TheoryData<RemoteStage, RemoteEnd> BeforeTheDot
    {
        get
        {
            RemoteStage[] stages = [RemoteStage.Greeting, RemoteStage.Ehlo, RemoteStage.Mail, RemoteStage.Rcpt, RemoteStage.Data];
            return [.. stages.SelectMany(s => new[] { RemoteEnd.Close, RemoteEnd.Reset }, (s, end) => (s, end))];
        }
    }

    [Theory]
    [MemberData(nameof(BeforeTheDot))]
    public async Task What_is_lost_before_the_dot_is_deferred(RemoteStage stage, RemoteEnd end)
    {
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().Once(stage, RemoteAnswer.Silence with { Then = end }));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        var deferred = Assert.Single(await delivery.SendAsync("a@remote.test"));
        Assert.Equal(MailEventType.Deferred, deferred.Type);
        Assert.Null(delivery.Queue.Settlements[0].Next!.UncertainHost);

        delivery.AdvanceTo(delivery.Queue.Settlements[0]);
        Assert.Equal(MailEventType.Delivered, (await delivery.SettledAsync(2)).Events[0].Type);
    }

    [Theory]
    [InlineData(RemoteEnd.Close)]
    [InlineData(RemoteEnd.Reset)]
    public async Task What_is_lost_behind_the_dot_is_uncertain_and_tried_again_after_the_normal_delay(RemoteEnd end)
    {
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().Once(RemoteStage.EndOfData, RemoteAnswer.Silence with { Then = end }));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        var uncertain = Assert.Single(await delivery.SendAsync("a@remote.test"));
        var first = delivery.Queue.Settlements[0];

        Assert.Equal((MailEventType.Uncertain, "connection.lost-after-dot"), (uncertain.Type, uncertain.Rule));
        Assert.Equal("127.0.0.1", first.Next!.UncertainHost);
        Assert.InRange(first.DueAt!.Value - delivery.Time.GetUtcNow(), TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(33));

        delivery.AdvanceTo(first);
        Assert.Equal(MailEventType.Delivered, (await delivery.SettledAsync(2)).Events[0].Type);
        Assert.Equal(remote.Messages[0].Wire, remote.Messages[1].Wire);
    }

    [Fact]
    public async Task A_final_reply_that_does_not_come_in_time_is_uncertain()
    {
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().Once(RemoteStage.EndOfData, RemoteAnswer.Silence));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        await delivery.AcceptAsync("a@remote.test");
        await remote.WaitForMessagesAsync(1, TestContext.Current.CancellationToken);
        await delivery.AdvanceUntilSettledAsync(TimeSpan.FromMinutes(10));

        Assert.Equal(MailEventType.Uncertain, delivery.Queue.Settlements[0].Events[0].Type);
    }

    [Fact]
    public async Task A_mistake_of_ours_behind_the_dot_leaves_it_uncertain_too()
    {
        var never = new TaskCompletionSource();
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().Once(RemoteStage.EndOfData, RemoteAnswer.Silence.After(never.Task)));
        var wait = TimeSpan.FromSeconds(427);
        var time = new TroubledTime(wait);
        await using var delivery = await DeliveryUnderTest.StartNodeAsync(
            time, new InMemorySiteBoard(time),
            ("Delivery:Timeouts:EndOfData", wait),
            ("Delivery:Routes:0:Domain", "*"), ("Delivery:Routes:0:Host", "127.0.0.1"), ("Delivery:Routes:0:Port", remote.Port), ("Delivery:Routes:0:Tls", "None"));

        var uncertain = Assert.Single(await delivery.SendAsync("a@remote.test"));

        Assert.Equal((MailEventType.Uncertain, "connection.lost-after-dot"), (uncertain.Type, uncertain.Rule));
        Assert.Equal("127.0.0.1", delivery.Queue.Settlements[0].Next!.UncertainHost);
        Assert.Contains(delivery.Log, line => line.Contains(TroubledTime.Words, StringComparison.Ordinal));
    }

    [Fact]
    public async Task After_an_uncertain_attempt_the_same_host_is_tried_first_and_each_recipient_alone()
    {
        await using var dns = ScriptedDns.Start();
        var script = new RemoteScript { HostName = "mx" };
        script.On(RemoteStage.EndOfData, m => m.Session.Number == 1 ? RemoteAnswer.Close : null);
        await using var worse = ScriptedSmtpServer.Start(script, "127.0.0.3");
        await using var better = ScriptedSmtpServer.Start(
            new RemoteScript().Once(RemoteStage.Greeting, "421 4.3.2 Starting up"), "127.0.0.2", worse.Port);
        dns.Mx("remote.test", (10, "better.test"), (20, "worse.test")).A("better.test", "127.0.0.2").A("worse.test", "127.0.0.3");
        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, worse.Port);

        var events = await delivery.SendAsync("a@remote.test", "b@remote.test");
        Assert.All(events, e => Assert.Equal((MailEventType.Uncertain, "worse.test"), (e.Type, e.Host)));

        delivery.AdvanceTo(delivery.Queue.Settlements[0]);
        events = (await delivery.SettledAsync(2)).Events;

        Assert.All(events, e => Assert.Equal((MailEventType.Delivered, "worse.test"), (e.Type, e.Host)));
        Assert.Equal([2, 1, 1], worse.Messages.Select(m => m.RcptTo.Count));
        Assert.Empty(better.Messages);
    }

    [Fact]
    public async Task With_that_host_gone_all_recipients_go_to_the_next_over_one_connection()
    {
        await using var dns = ScriptedDns.Start();
        var first = ScriptedSmtpServer.Start(new RemoteScript().On(RemoteStage.EndOfData, RemoteAnswer.Close), "127.0.0.2");
        await using var second = ScriptedSmtpServer.Start(null, "127.0.0.3", first.Port);
        dns.Mx("remote.test", (10, "first.test"), (20, "second.test")).A("first.test", "127.0.0.2").A("second.test", "127.0.0.3");
        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, first.Port);
        Assert.All(await delivery.SendAsync("a@remote.test", "b@remote.test", "c@remote.test"), e => Assert.Equal(MailEventType.Uncertain, e.Type));

        await first.DisposeAsync();
        delivery.AdvanceTo(delivery.Queue.Settlements[0]);
        var events = (await delivery.SettledAsync(2)).Events;

        Assert.All(events, e => Assert.Equal((MailEventType.Delivered, "second.test"), (e.Type, e.Host)));
        Assert.Equal([1, 1, 1], second.Messages.Select(m => m.RcptTo.Count));
        Assert.Single(second.Sessions);
    }

    [Fact]
    public async Task Last_words_before_a_closed_connection_are_heard_although_sending_failed()
    {
        var script = new RemoteScript().On(RemoteStage.Body, RemoteAnswer.Say("554 5.7.1 Spam").ThenClose());
        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        var body = string.Concat(Enumerable.Repeat(new string('x', 70) + "\r\n", 400_000));

        var outcome = (await delivery.SendAsync(A.MessageOf(body, delivery.Time, "a@remote.test")))[0];

        Assert.Equal((MailEventType.Bounced, "554 5.7.1 Spam"), (outcome.Type, outcome.Reply));
        Assert.Empty(remote.Messages);
    }
}
