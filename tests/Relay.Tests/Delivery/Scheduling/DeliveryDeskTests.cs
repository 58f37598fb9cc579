using Relay.Mail.Events;
using Relay.Mail.Queue;
using Relay.TestKit.Dns;
using Relay.TestKit.Remote;

namespace Relay.Tests.Delivery.Scheduling;

/// <summary>What an administrator asks of a delivery that is at work.</summary>
public sealed class DeliveryDeskTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_waits_for_a_connection_when_it_is_suspended_takes_no_room_and_starts_only_after_it()
    {
        var go = new TaskCompletionSource();
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().On(RemoteStage.EndOfData, RemoteAnswer.Say("250 Ok").After(go.Task)));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, ("Delivery:ConnectionsPerSite", 1));
        for (var i = 0; i < 5; i++)
        {
            await delivery.AcceptAsync($"a{i}@remote.test");
        }

        var session = (await remote.WaitForSessionsAsync(1, Cancellation))[0];
        await WaitUntil.TrueAsync(() => session.Commands.Contains("DATA") && delivery.Window.Held == 5);

        await SuspendAsync(delivery, new QueueSelector { Domain = "remote.test" });

        // What is past the point of no return ends; the rest went back at once.
        Assert.Equal(1, delivery.Window.Held);
        go.SetResult();
        await delivery.SettledAsync();
        await WaitUntil.TrueAsync(() => delivery.Window.Held == 0);
        Assert.Equal(4, delivery.Queue.Messages);
        Assert.Single(remote.Messages);

        await delivery.Queue.Suspensions.RemoveAsync("sus_1", Cancellation);
        await delivery.SettledAsync(5);
        Assert.Equal(0, delivery.Queue.Messages);
    }

    [Fact]
    public async Task What_waits_for_a_connection_is_cancelled_at_once_while_another_is_sent()
    {
        var go = new TaskCompletionSource();
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().On(RemoteStage.EndOfData, RemoteAnswer.Say("250 Ok").After(go.Task)));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, ("Delivery:ConnectionsPerSite", 1));
        var sent = await delivery.AcceptAsync("a@remote.test");
        await WaitUntil.TrueAsync(() => remote.Sessions.Count == 1 && delivery.Queue.Dots.Count == 1);
        var waiting = await delivery.AcceptAsync("b@remote.test");
        await WaitUntil.TrueAsync(() => delivery.Window.Held == 2);

        var cancelled = await AskAsync(delivery, AskKind.Cancel, new QueueSelector { Message = waiting.Id });
        var tooLate = await AskAsync(delivery, AskKind.Cancel, new QueueSelector { Message = sent.Id });

        Assert.Equal((true, 1L), (cancelled.IsDone, cancelled.Units));
        Assert.Equal((true, 0L), (tooLate.IsDone, tooLate.Units));
        Assert.Equal(sent.Id, Assert.Single(tooLate.InProgress).Message);
        go.SetResult();
        await WaitUntil.TrueAsync(() => delivery.Queue.Messages == 0 && delivery.Window.Held == 0);
        Assert.Single(remote.Messages);
    }

    [Fact]
    public async Task A_retry_really_tries_a_host_that_was_left_alone_for_its_failures()
    {
        var broken = true;
        await using var remote = ScriptedSmtpServer.Start(
            new RemoteScript().On(RemoteStage.Greeting, _ => broken ? RemoteAnswer.Say("421 4.3.2 No").ThenClose() : null));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, ("Delivery:Retry:Schedule:0", "01:00:00"));
        for (var i = 0; i < 5; i++)
        {
            await delivery.SendAsync($"a{i}@remote.test");
        }

        await delivery.AcceptAsync("a5@remote.test");
        delivery.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Contains("left alone", (await delivery.SettledAsync(6)).Events[0].Reply);
        broken = false;

        var answer = await AskAsync(delivery, AskKind.Retry, new QueueSelector { Domain = "remote.test" });

        Assert.Equal(6, answer.Units);
        await delivery.SettledAsync(12);
        Assert.All(delivery.Queue.Settlements.Skip(6), s => Assert.Equal(MailEventType.Delivered, s.Events[0].Type));
    }

    [Fact]
    public async Task A_retry_asks_the_DNS_again()
    {
        await using var remote = ScriptedSmtpServer.Start(null, "127.0.0.3");
        await using var dns = ScriptedDns.Start().Mx("remote.test", (10, "mx.test")).A("mx.test", "127.0.0.2");
        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, remote.Port);
        Assert.Equal(MailEventType.Deferred, (await delivery.SendAsync("a@remote.test"))[0].Type);
        dns.A("mx.test", "127.0.0.3");

        await AskAsync(delivery, AskKind.Retry, new QueueSelector { Domain = "remote.test" });

        Assert.Equal(MailEventType.Delivered, (await delivery.SettledAsync(2)).Events[0].Type);
    }

    private static async Task SuspendAsync(DeliveryUnderTest delivery, QueueSelector selector) => await delivery.Queue.Suspensions.TryAddAsync(
        new Suspension { Id = "sus_1", Selector = selector, Reason = "maintenance", By = "admin", CreatedAt = delivery.Time.GetUtcNow() }, Cancellation);

    private static Task<AskAnswer> AskAsync(DeliveryUnderTest delivery, AskKind kind, QueueSelector selector) => delivery.Queue.AskAsync(
        new QueueAsk { Id = Guid.NewGuid().ToString("n"), Kind = kind, Selector = selector, By = "admin", AskedAt = delivery.Time.GetUtcNow() },
        TimeSpan.FromSeconds(2),
        Cancellation).AsTask().WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
}
