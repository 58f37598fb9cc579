using Relay.Mail.Events;
using Relay.TestKit.Dns;
using Relay.TestKit.Remote;

namespace Relay.Tests.Delivery.Sending;

/// <summary>A report to the sender that cannot be written, for a mistake of ours, keeps nothing else back.</summary>
public sealed class BrokenReportTests
{
    [Fact]
    public async Task The_unit_is_settled_without_it_and_gives_its_room_back()
    {
        var script = new RemoteScript().On(RemoteStage.Rcpt, m => m.Line.Contains("<gone@", StringComparison.Ordinal) ? RemoteAnswer.Say("550 5.1.1 No such user") : null);
        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        delivery.Reports.IsBroken = true;

        var events = await delivery.SendAsync(A.Message(delivery.Time, "a@remote.test", "gone@remote.test") with { ReportsFailures = true });

        Assert.Equal([MailEventType.Delivered, MailEventType.Bounced], events.Select(e => e.Type));
        Assert.Empty(delivery.Queue.Settlements[0].Reports);
        Assert.Contains(delivery.Log, line => line.Contains("could not be written, and is left out", StringComparison.Ordinal));
        await WaitUntil.TrueAsync(() => delivery.Window.Held == 0 && delivery.Queue.Messages == 0);
        Assert.Equal(MailEventType.Delivered, (await delivery.SendAsync("b@remote.test"))[0].Type);
    }

    [Fact]
    public async Task Nor_is_anything_lost_that_waits_for_the_way_to_a_domain_that_takes_no_mail()
    {
        var known = new TaskCompletionSource();
        await using var dns = ScriptedDns.Start().NullMx("gone.test").Delay("gone.test", known.Task);
        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, 25);
        delivery.Reports.IsBroken = true;
        for (var i = 0; i < 3; i++)
        {
            await delivery.AcceptAsync(A.Message(delivery.Time, $"a{i}@gone.test") with { ReportsFailures = true });
        }

        await WaitUntil.TrueAsync(() => delivery.Window.Held == 3 && dns.Questions.Count > 0);
        known.SetResult();
        await delivery.SettledAsync(3);

        Assert.All(delivery.Queue.Settlements, s => Assert.Equal(MailEventType.Bounced, s.Events[0].Type));
        await WaitUntil.TrueAsync(() => delivery.Window.Held == 0);
    }
}
