using Relay.Mail.Events;
using Relay.TestKit.Remote;

namespace Relay.Tests.Delivery.Sending;

/// <summary>A clock that is set while mail waits: nothing expires untried, nothing is tried more often than it was due.</summary>
public sealed class ClockTests
{
    private const int Messages = 20;

    [Fact]
    public async Task Five_days_ahead_what_waits_is_tried_again_and_not_given_up_at_sight()
    {
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().Once(RemoteStage.Rcpt, "450 4.2.1 Greylisted"));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        await delivery.SendAsync("a@remote.test");

        delivery.Time.Advance(TimeSpan.FromDays(5));

        Assert.Equal(MailEventType.Delivered, (await delivery.SettledAsync(2)).Events[0].Type);
    }

    [Fact]
    public async Task An_hour_ahead_each_waiting_message_is_tried_once_and_waits_its_delay_again()
    {
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().On(RemoteStage.Rcpt, "450 4.2.1 Later"));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        for (var i = 0; i < Messages; i++)
        {
            await delivery.AcceptAsync($"a{i}@remote.test");
        }

        await delivery.SettledAsync(Messages);
        delivery.Time.Advance(TimeSpan.FromHours(1));
        var last = await delivery.SettledAsync(2 * Messages);

        Assert.Equal(2 * Messages, remote.Sessions.Sum(s => s.Commands.Count(c => c.StartsWith("RCPT", StringComparison.Ordinal))));
        Assert.True(last.DueAt > delivery.Time.GetUtcNow());
    }

    [Fact]
    public async Task An_hour_back_new_mail_goes_at_once_and_what_waits_keeps_waiting()
    {
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().Once(RemoteStage.Rcpt, "450 4.2.1 Greylisted"));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        await delivery.SendAsync("old@remote.test");

        delivery.Time.AdjustTime(delivery.Time.GetUtcNow() - TimeSpan.FromHours(1));
        await delivery.AcceptAsync("new@remote.test");
        Assert.Equal(("new@remote.test", MailEventType.Delivered), First(await delivery.SettledAsync(2)));

        delivery.Time.Advance(TimeSpan.FromMinutes(61));
        Assert.Equal(("old@remote.test", MailEventType.Delivered), First(await delivery.SettledAsync(3)));
    }

    private static (string?, MailEventType) First(Relay.Mail.Queue.Settlement settlement) => (settlement.Events[0].Recipient, settlement.Events[0].Type);
}
