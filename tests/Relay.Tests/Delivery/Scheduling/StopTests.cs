using Relay.Mail.Events;
using Relay.TestKit.Dns;
using Relay.TestKit.Remote;

namespace Relay.Tests.Delivery.Scheduling;

public sealed class StopTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_stop_finishes_what_has_begun_and_gives_the_rest_back_untried(bool pipelining)
    {
        var go = new TaskCompletionSource();
        var accepted = new TaskCompletionSource();
        var script = new RemoteScript()
            .On(RemoteStage.Mail, RemoteAnswer.Say("250 Ok").After(accepted.Task))
            .On(RemoteStage.EndOfData, RemoteAnswer.Say("250 Ok").After(go.Task));
        if (!pipelining)
        {
            script.Capabilities.Remove("PIPELINING");
        }

        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, ("Delivery:ConnectionsPerSite", 1));
        for (var i = 0; i < 5; i++)
        {
            await delivery.AcceptAsync($"a{i}@remote.test");
        }

        var session = (await remote.WaitForSessionsAsync(1, TestContext.Current.CancellationToken))[0];
        await WaitUntil.TrueAsync(() => delivery.Window.Held == 5);
        accepted.SetResult();
        await WaitUntil.TrueAsync(() => System.Text.Encoding.ASCII.GetString(session.Received).Contains(pipelining ? "\r\n.\r\nMAIL" : "\r\n.\r\n", StringComparison.Ordinal));
        var stopping = delivery.StopAsync(TestContext.Current.CancellationToken);
        await WaitUntil.TrueAsync(() => delivery.Window.Held == 1);
        Assert.False(stopping.IsCompleted);
        go.SetResult();
        await stopping;

        Assert.Equal(MailEventType.Delivered, Assert.Single(delivery.Queue.Settlements).Events[0].Type);

        // An envelope that left behind the body was let through: behind its 354 no QUIT would be heard as one.
        await remote.WaitForClosedAsync(1, TestContext.Current.CancellationToken);
        Assert.Equal(pipelining ? "DATA" : "QUIT", session.Commands[^1]);
        Assert.Single(remote.Messages);
        Assert.Equal(4, delivery.Queue.Messages);
        Assert.Equal(0, delivery.Window.Held);
    }

    [Fact]
    public async Task When_the_time_is_over_what_is_behind_the_dot_is_settled_as_uncertain()
    {
        var never = new TaskCompletionSource();
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().On(RemoteStage.EndOfData, RemoteAnswer.Silence.After(never.Task)));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        await delivery.AcceptAsync("a@remote.test");
        await WaitUntil.TrueAsync(() => remote.Sessions.Count == 1 && System.Text.Encoding.ASCII.GetString(remote.Sessions[0].Received).EndsWith("\r\n.\r\n", StringComparison.Ordinal));

        using var limit = new CancellationTokenSource(TimeSpan.FromMilliseconds(50));
        await delivery.StopAsync(limit.Token);

        Assert.Equal(MailEventType.Uncertain, Assert.Single(delivery.Queue.Settlements).Events[0].Type);
    }

    [Fact]
    public async Task When_the_time_is_over_what_is_before_the_dot_is_given_back_untried()
    {
        var never = new TaskCompletionSource();
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().On(RemoteStage.Mail, RemoteAnswer.Silence.After(never.Task)));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        await delivery.AcceptAsync("a@remote.test");
        await WaitUntil.TrueAsync(() => remote.Sessions.Count == 1 && remote.Sessions[0].Commands.Count > 1);

        using var limit = new CancellationTokenSource(TimeSpan.FromMilliseconds(50));
        await delivery.StopAsync(limit.Token);

        Assert.Empty(delivery.Queue.Settlements);
        Assert.Equal(1, delivery.Queue.Messages);
        Assert.Equal(0, delivery.Window.Held);
    }

    [Fact]
    public async Task When_the_time_is_over_what_a_part_of_the_recipients_got_is_settled()
    {
        var (answer, never) = (new TaskCompletionSource(), new TaskCompletionSource());
        var script = new RemoteScript().On(RemoteStage.EndOfData, RemoteAnswer.Say("250 2.0.0 Ok").After(answer.Task));
        script.Capabilities.Add("LIMITS RCPTMAX=1 MAILMAX=1");
        await using var remote = ScriptedSmtpServer.Start(script);
        await using var dns = ScriptedDns.Start().Mx("remote.test", (10, "mx.test")).A("mx.test", "127.0.0.1");
        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, remote.Port);
        await delivery.AcceptAsync("a@remote.test", "b@remote.test");
        await WaitUntil.TrueAsync(() => delivery.Queue.Dots.Count == 1);

        // The second recipient needs a connection of his own, and by then the host has to be looked up anew.
        delivery.Time.Advance(TimeSpan.FromMinutes(6));
        dns.Delay("mx.test", never.Task);
        var asked = dns.Questions.Count;
        answer.SetResult();
        await WaitUntil.TrueAsync(() => dns.Questions.Count > asked);
        using var over = new CancellationTokenSource();
        await over.CancelAsync();
        await delivery.StopAsync(over.Token);

        var settled = Assert.Single(delivery.Queue.Settlements);
        Assert.Equal([MailEventType.Delivered, MailEventType.Deferred], settled.Events.Select(e => e.Type));
        Assert.Equal([1], settled.Next!.Open.Select(r => r.Index));
    }

    [Fact]
    public async Task Warm_connections_are_closed_with_QUIT()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        await delivery.SendAsync("a@remote.test");

        await delivery.StopAsync(TestContext.Current.CancellationToken);

        Assert.Equal("QUIT", remote.Sessions[0].Commands[^1]);
    }

    [Fact]
    public async Task When_the_time_is_over_connections_that_were_never_greeted_are_cut()
    {
        var never = new TaskCompletionSource();
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().On(RemoteStage.Greeting, RemoteAnswer.Silence.After(never.Task)));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, ("Delivery:Window:Units", 64));
        for (var i = 0; i < 300; i++)
        {
            await delivery.AcceptAsync($"a{i}@remote.test");
        }

        await remote.WaitForSessionsAsync(2, TestContext.Current.CancellationToken);
        using var limit = new CancellationTokenSource(TimeSpan.FromMilliseconds(50));
        await delivery.StopAsync(limit.Token).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);

        Assert.Empty(delivery.Queue.Settlements);
        Assert.Equal(300, delivery.Queue.Messages);
        Assert.Equal((0, 0), (delivery.Window.Held, delivery.Sites.Count));
    }
}
