using Relay.Mail.Events;
using Relay.Mail.Queue;
using Relay.TestKit.Remote;

namespace Relay.Tests.Delivery.Sending;

/// <summary>No dot is sent that another node's attempt could follow: the queue is asked first, and remembers.</summary>
public sealed class TurnOverTests
{
    [Fact]
    public async Task A_refused_dot_is_never_sent_and_the_unit_comes_back_untried()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        delivery.Queue.DotsToRefuse = 1;

        var delivered = Assert.Single(await delivery.SendAsync("a@remote.test"));

        Assert.Equal((MailEventType.Delivered, 1), (delivered.Type, delivered.Attempt));
        Assert.Single(delivery.Queue.Settlements);
        Assert.Single(remote.Messages);
        Assert.Equal(2, remote.Sessions.Count);
    }

    [Fact]
    public async Task It_is_noted_where_a_message_may_be_before_the_remote_has_it()
    {
        DeliveryUnderTest? delivery = null;
        (UnitId, string)[] noted = [];
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().On(RemoteStage.EndOfData, _ =>
        {
            noted = [.. delivery!.Queue.Dots];
            return null;
        }));
        await using (delivery = await DeliveryUnderTest.StartWithRouteAsync(remote))
        {
            var message = await delivery.AcceptAsync("a@remote.test");
            await delivery.SettledAsync();

            Assert.Equal([(new UnitId(message.Id, 0), "127.0.0.1")], noted);
        }
    }

    [Fact]
    public async Task What_was_answered_before_the_turn_was_over_still_holds()
    {
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().Once(RemoteStage.EndOfData, RemoteAnswer.Close));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        await delivery.SendAsync("a@remote.test", "b@remote.test");

        // After an uncertain attempt each recipient travels alone; the second one's dot is refused.
        var dots = 0;
        delivery.Queue.BeforeDot = () => delivery.Queue.DotsToRefuse = ++dots == 2 ? 1 : 0;
        delivery.AdvanceTo(delivery.Queue.Settlements[0]);
        var settled = await delivery.SettledAsync(2);

        Assert.Equal([MailEventType.Delivered, MailEventType.Deferred], settled.Events.Select(e => e.Type));
        Assert.Equal("node.turn-over", settled.Events[1].Rule);
        Assert.Equal(1, Assert.Single(settled.Next!.Open).Index);
        Assert.Equal("127.0.0.1", settled.Next.UncertainHost);
    }

    [Fact]
    public async Task What_waits_for_a_connection_when_the_turn_is_over_is_given_back()
    {
        var gate = new TaskCompletionSource();
        var atDot = new TaskCompletionSource();
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().On(RemoteStage.EndOfData, _ =>
        {
            atDot.TrySetResult();
            return RemoteAnswer.Say("250 2.0.0 Late").After(gate.Task);
        }));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, ("Delivery:ConnectionsPerSite", 1));
        await delivery.AcceptAsync("a@remote.test");
        await atDot.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        await delivery.AcceptAsync("b@remote.test");
        await WaitUntil.TrueAsync(() => delivery.Window.Held == 2);

        delivery.Queue.IsReplaced = true;
        gate.SetResult();
        await WaitUntil.TrueAsync(() => delivery.Window.Held == 0);
        Assert.Single(remote.Messages);

        delivery.Queue.IsReplaced = false;
        Assert.Equal(1, (await delivery.SettledAsync(2)).Events[0].Attempt);
        Assert.Equal(2, remote.Messages.Count);
    }

    [Fact]
    public async Task An_attempt_that_nobody_heard_the_end_of_is_uncertain_and_tried_again_at_the_same_host_after_the_normal_delay()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        delivery.Queue.IsReplaced = true;
        var message = await delivery.AcceptAsync("a@remote.test", "b@remote.test");
        delivery.Queue.Lose(new UnitId(message.Id, 0), new UnheardAttempt("127.0.0.1", delivery.Time.GetUtcNow()));
        delivery.Queue.IsReplaced = false;

        var first = await delivery.SettledAsync();

        Assert.All(first.Events, e => Assert.Equal((MailEventType.Uncertain, "node.lost-after-dot", "127.0.0.1"), (e.Type, e.Rule, e.Host)));
        Assert.Equal((1, "127.0.0.1", true), (first.Next!.Attempts, first.Next.UncertainHost, first.Next.IsUnheard));
        Assert.InRange(first.DueAt!.Value - delivery.Time.GetUtcNow(), TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(33));
        Assert.Empty(remote.Messages);

        delivery.AdvanceTo(first);
        Assert.All((await delivery.SettledAsync(2)).Events, e => Assert.Equal((MailEventType.Delivered, 2), (e.Type, e.Attempt)));
        Assert.Equal([1, 1], remote.Messages.Select(m => m.RcptTo.Count));
    }
}
