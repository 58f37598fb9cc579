using Relay.Mail.Events;
using Relay.Mail.Queue;
using Relay.TestKit.Remote;

namespace Relay.Tests.Delivery.Sending;

public sealed class ExpiryTests
{
    [Fact]
    public async Task A_message_that_is_never_taken_expires_with_the_last_words_of_the_remote_and_a_report()
    {
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().On(RemoteStage.Rcpt, "450 4.2.1 Greylisted"));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        await delivery.AcceptAsync("a@remote.test");
        var last = await RunToEndAsync(delivery);

        Assert.Equal([MailEventType.Deferred, MailEventType.Expired], last.Events.Select(e => e.Type));
        Assert.Equal("450 4.2.1 Greylisted", last.Events[1].Reply);
        Assert.Null(last.Events[0].NextAttempt);
        Assert.Null(last.Events[1].MayHaveBeenDelivered);
        Assert.InRange(delivery.Time.GetUtcNow() - last.Lease.Message.AcceptedAt, TimeSpan.FromDays(3.9), TimeSpan.FromDays(4));
        Assert.Equal("4.4.7", Assert.Single(Assert.Single(delivery.Reports.Asked).Failures).Status);
    }

    [Fact]
    public async Task What_expires_after_an_uncertain_attempt_may_have_been_delivered()
    {
        var script = new RemoteScript().Once(RemoteStage.EndOfData, RemoteAnswer.Close).On(RemoteStage.Mail, m => m.Session.Number > 1 ? RemoteAnswer.Say("451 Later") : null);
        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, ("Delivery:Retry:Expiry", "00:10:00"), ("Delivery:ConnectionsPerSite", 1));

        await delivery.AcceptAsync("a@remote.test");
        var last = await RunToEndAsync(delivery);

        Assert.Equal((MailEventType.Expired, true), (last.Events[^1].Type, last.Events[^1].MayHaveBeenDelivered));
    }

    [Fact]
    public async Task Of_several_recipients_only_those_whose_attempt_was_uncertain_may_have_got_it()
    {
        var script = new RemoteScript()
            .On(RemoteStage.Rcpt, m => m.Line.Contains("<b@", StringComparison.Ordinal) || m.Session.Number > 1 ? RemoteAnswer.Say("450 4.2.1 Greylisted") : null)
            .Once(RemoteStage.EndOfData, RemoteAnswer.Close);
        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, ("Delivery:Retry:Expiry", "00:10:00"), ("Delivery:ConnectionsPerSite", 1));

        await delivery.AcceptAsync("a@remote.test", "b@remote.test");
        var last = await RunToEndAsync(delivery);

        Assert.True(delivery.Queue.Settlements.Count > 2);
        Assert.All(delivery.Queue.Settlements.SkipLast(1), s => Assert.Equal("127.0.0.1", s.Next!.UncertainHost));
        Assert.Equal(
            [("a@remote.test", true), ("b@remote.test", null)],
            last.Events.Where(e => e.Type == MailEventType.Expired).Select(e => (e.Recipient!, e.MayHaveBeenDelivered)).Order());
    }

    [Fact]
    public async Task Once_those_have_it_who_may_have_had_it_the_others_need_no_care_any_more()
    {
        var script = new RemoteScript()
            .On(RemoteStage.Rcpt, m => m.Line.Contains("<b@", StringComparison.Ordinal) ? RemoteAnswer.Say("450 4.2.1 Greylisted") : null)
            .Once(RemoteStage.EndOfData, RemoteAnswer.Close);
        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        await delivery.SendAsync("a@remote.test", "b@remote.test");
        delivery.AdvanceTo(delivery.Queue.Settlements[0]);

        var second = await delivery.SettledAsync(2);

        Assert.Equal([MailEventType.Delivered, MailEventType.Deferred], second.Events.Select(e => e.Type));
        Assert.Equal((null, false), (second.Next!.UncertainHost, Assert.Single(second.Next.Open).MayHaveBeenDelivered));
    }

    [Fact]
    public async Task After_the_time_that_a_message_names_no_attempt_is_made()
    {
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().On(RemoteStage.Rcpt, "450 4.2.1 Later"));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        var message = A.Message(delivery.Time, "a@remote.test");

        await delivery.SendAsync(message with { ExpiresAt = delivery.Time.GetUtcNow() + TimeSpan.FromMinutes(5) });
        delivery.Time.Advance(TimeSpan.FromMinutes(6));
        var expired = Assert.Single((await delivery.SettledAsync(2)).Events);

        Assert.Equal((MailEventType.Expired, "450 4.2.1 Later"), (expired.Type, expired.Reply));
        Assert.Equal(1, remote.Sessions.Sum(s => s.Commands.Count(c => c.StartsWith("MAIL", StringComparison.Ordinal))));
    }

    [Fact]
    public async Task Nothing_is_tried_before_its_time()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        var message = A.Message(delivery.Time, "later@remote.test");

        await delivery.AcceptAsync(message with { SendAt = delivery.Time.GetUtcNow() + TimeSpan.FromHours(1) });
        await delivery.SendAsync("now@remote.test");
        Assert.Single(remote.Messages);

        delivery.Time.Advance(TimeSpan.FromHours(1));
        Assert.Equal("later@remote.test", (await delivery.SettledAsync(2)).Events[0].Recipient);
    }

    private static async Task<Settlement> RunToEndAsync(DeliveryUnderTest delivery)
    {
        for (var count = 1; ; count++)
        {
            var settlement = await delivery.SettledAsync(count);
            if (settlement.Next is null)
            {
                return settlement;
            }

            delivery.AdvanceTo(settlement);
        }
    }
}
