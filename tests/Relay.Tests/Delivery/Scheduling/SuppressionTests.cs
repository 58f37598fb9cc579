using Relay.Delivery;
using Relay.Delivery.Scheduling;
using Relay.Mail.Events;
using Relay.Mail.Queue;
using Relay.Mail.Sites;
using Relay.Mail.Messages;
using Relay.Mail.Suppressions;
using Relay.TestKit.InMemory;
using Relay.TestKit.Remote;

namespace Relay.Tests.Delivery.Scheduling;

/// <summary>What an account has suppressed is never sent.</summary>
public sealed class SuppressionTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Suppressed_is_never_sent()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        await SuppressAsync(delivery, "gone@remote.test", "550 5.1.1 Nobody here");

        // Another spelling of the same mailbox.
        var dropped = Assert.Single(await delivery.SendAsync("Gone@Remote.test"));

        Assert.Equal((MailEventType.Suppressed, DeliveryRules.Suppressed), (dropped.Type, dropped.Rule));
        Assert.Contains("550 5.1.1 Nobody here", dropped.Reply, StringComparison.Ordinal);
        Assert.Null(dropped.Attempt);
        Assert.Null(delivery.Queue.Settlements[0].Next);
        Assert.Empty(delivery.Reports.Asked);
        Assert.Empty(remote.Sessions);
    }

    [Theory]
    [InlineData(null, false)]
    [InlineData(DsnNotify.Never, false)]
    [InlineData(DsnNotify.Success, false)]
    [InlineData(DsnNotify.Failure | DsnNotify.Delay, true)]
    public async Task Who_asks_by_SMTP_to_hear_of_failures_hears_of_what_was_suppressed_and_nobody_else(DsnNotify? notify, bool isTold)
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        await SuppressAsync(delivery, "gone@remote.test", "550 5.1.1 Nobody here");
        var message = A.Message(delivery.Time, "gone@remote.test", "there@remote.test");

        var events = await delivery.SendAsync(message with
        {
            Envelope = message.Envelope with { Recipients = [.. message.Envelope.Recipients.Select(recipient => recipient with { Notify = notify })] },
        });

        Assert.Equal([MailEventType.Suppressed, MailEventType.Delivered], events.Select(e => e.Type));
        Assert.Equal(
            isTold ? [(0, "5.2.1", (string?)null)] : [],
            delivery.Reports.Asked.SelectMany(asked => asked.Failures).Select(failure => (failure.Index, failure.Status, failure.Host)));
    }

    [Fact]
    public async Task What_another_account_suppressed_is_sent()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        await SuppressAsync(delivery, "gone@remote.test");

        var sent = Assert.Single(await delivery.SendAsync(A.Message(delivery.Time, "gone@remote.test") with { Account = "other" }));

        Assert.Equal(MailEventType.Delivered, sent.Type);
    }

    [Fact]
    public async Task Mail_of_the_world_is_not_held_by_what_the_account_suppressed_and_suppresses_nothing()
    {
        var script = new RemoteScript().On(RemoteStage.Rcpt, m => m.Line.Contains("nobody@", StringComparison.Ordinal) ? RemoteAnswer.Say("550 5.1.1 Nobody here") : null);
        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        await SuppressAsync(delivery, "desk@remote.test");

        var taken = Assert.Single(await delivery.SendAsync(A.Message(delivery.Time, "desk@remote.test") with { Source = MessageSource.Inbound }));
        var refused = Assert.Single(await delivery.SendAsync(A.Message(delivery.Time, "nobody@remote.test") with { Source = MessageSource.Inbound }));
        var own = Assert.Single(await delivery.SendAsync("nobody@remote.test"));

        Assert.Equal(MailEventType.Delivered, taken.Type);
        Assert.Equal((MailEventType.Bounced, null), (refused.Type, refused.Suppresses));
        Assert.Equal((MailEventType.Bounced, true), (own.Type, own.Suppresses));
    }

    [Fact]
    public async Task The_others_of_its_message_get_it()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        await SuppressAsync(delivery, "gone@remote.test");

        var events = await delivery.SendAsync("a@remote.test", "gone@remote.test", "b@remote.test");

        Assert.Equal(
            [("a@remote.test", MailEventType.Delivered), ("b@remote.test", MailEventType.Delivered), ("gone@remote.test", MailEventType.Suppressed)],
            events.Select(e => (e.Recipient!, e.Type)).Order());
        Assert.DoesNotContain(remote.Sessions.SelectMany(session => session.Commands), command => command.Contains("gone@", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Who_unsubscribed_from_a_stream_gets_the_mail_of_others()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        await SuppressAsync(delivery, "a@remote.test", stream: "news");

        await delivery.AcceptAsync(A.Message(delivery.Time, "a@remote.test") with { Stream = "news" });
        var dropped = Assert.Single((await delivery.SettledAsync(1)).Events);
        await delivery.AcceptAsync(A.Message(delivery.Time, "a@remote.test") with { Stream = "offers" });
        await delivery.AcceptAsync(A.Message(delivery.Time, "a@remote.test"));
        await delivery.SettledAsync(3);

        Assert.Equal(MailEventType.Suppressed, dropped.Type);
        Assert.Contains("news", dropped.Reply, StringComparison.Ordinal);
        Assert.Equal(2, delivery.Queue.Settlements.Count(settlement => settlement.Events[0].Type == MailEventType.Delivered));
    }

    [Fact]
    public async Task Who_is_suppressed_while_the_message_waits_does_not_get_it()
    {
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().Once(RemoteStage.Rcpt, "451 4.3.2 Later"));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        await delivery.SendAsync("a@remote.test");

        await SuppressAsync(delivery, "a@remote.test");
        delivery.AdvanceTo(delivery.Queue.Settlements[0]);

        Assert.Equal(MailEventType.Suppressed, Assert.Single((await delivery.SettledAsync(2)).Events).Type);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Who_is_suppressed_while_the_message_stands_in_line_for_a_connection_does_not_get_it(bool isMissed)
    {
        var go = new TaskCompletionSource();
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().On(RemoteStage.Mail, RemoteAnswer.Say("250 Ok").After(go.Task)));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, ("Delivery:ConnectionsPerSite", 1));
        await delivery.AcceptAsync("first@remote.test");
        await WaitUntil.TrueAsync(() => remote.Sessions is [{ Commands.Count: > 1 }]);
        for (var i = 0; i < 10; i++)
        {
            await delivery.AcceptAsync($"a{i}@remote.test", $"b{i}@remote.test");
        }

        await WaitUntil.TrueAsync(() => delivery.Part<ISiteReader>().List() is [{ Waiting: 10 }]);
        var looks = delivery.Suppressions.Looks;
        delivery.Suppressions.IsUnheard = isMissed;
        await SuppressAsync(delivery, "a5@remote.test");
        if (isMissed)
        {
            delivery.Suppressions.TellMissed();
        }

        go.SetResult();
        await delivery.SettledAsync(11);

        var events = delivery.Queue.Settlements.SelectMany(settlement => settlement.Events).ToLookup(e => e.Type, e => e.Recipient);
        Assert.Equal(["a5@remote.test"], events[MailEventType.Suppressed]);
        Assert.Equal(20, events[MailEventType.Delivered].Count());
        Assert.DoesNotContain(remote.Sessions.SelectMany(session => session.Commands), command => command.Contains("<a5@", StringComparison.Ordinal));

        // Only the unit that it concerns, unless nobody knows which.
        Assert.Equal(isMissed ? 20 : 2, delivery.Suppressions.Looks - looks);
    }

    [Fact]
    public void What_was_heard_of_long_ago_is_forgotten_and_what_waits_since_then_looked_at_again()
    {
        var news = new InMemorySuppressionStore();
        var fresh = new FreshSuppressions(news);
        var message = A.Message(TimeProvider.System, "a@remote.test");
        var lease = new Lease { Unit = Unit.Of(message)[0], Message = message };
        var before = fresh.Now;
        AddMany(news, 0, 5);
        Assert.False(fresh.HasChanged(lease, before));

        AddMany(news, 5, 10_005);

        Assert.True(fresh.HasChanged(lease, before));
        Assert.False(fresh.HasChanged(lease, fresh.Now));

        static void AddMany(InMemorySuppressionStore store, int from, int to) => Assert.True(store.AddAsync(
            "default",
            [.. Enumerable.Range(from, to - from).Select(i => new Suppression { Address = $"x{i}@remote.test", Reason = SuppressionReason.Manual, Since = DateTimeOffset.UnixEpoch })],
            Cancellation).IsCompletedSuccessfully);
    }

    [Fact]
    public async Task Who_may_have_it_already_is_told_so()
    {
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().Once(RemoteStage.EndOfData, RemoteAnswer.Close));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        Assert.Equal(MailEventType.Uncertain, (await delivery.SendAsync("a@remote.test"))[0].Type);

        await SuppressAsync(delivery, "a@remote.test");
        delivery.AdvanceTo(delivery.Queue.Settlements[0]);

        var dropped = Assert.Single((await delivery.SettledAsync(2)).Events);
        Assert.Equal((MailEventType.Suppressed, true), (dropped.Type, dropped.MayHaveBeenDelivered));
    }

    [Fact]
    public async Task As_long_as_nobody_can_look_nothing_is_sent_and_nothing_lost()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        delivery.Suppressions.Refusal = new StoreUnavailableException("away");
        await delivery.AcceptAsync(A.Message(delivery.Time, "a@remote.test"));
        await WaitUntil.TrueAsync(() => delivery.Suppressions.Looks > 0);
        Assert.Empty(remote.Sessions);

        delivery.Suppressions.Refusal = null;
        await delivery.AdvanceUntilSettledAsync(TimeSpan.FromMilliseconds(100), () => remote.Sessions.Count > 0);

        Assert.Equal(MailEventType.Delivered, Assert.Single(delivery.Queue.Settlements[0].Events).Type);
    }

    [Theory]
    [InlineData("550 5.1.1 User unknown", true)]
    [InlineData("550 5.7.1 Your IP address is on a block list", null)]
    [InlineData("552 5.2.2 Mailbox full", null)]
    public async Task Only_a_refusal_of_the_address_itself_says_that_nothing_more_goes_there(string reply, bool? suppresses)
    {
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().On(RemoteStage.Rcpt, reply));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        Assert.Equal(suppresses, Assert.Single(await delivery.SendAsync("a@remote.test")).Suppresses);
    }

    private static async Task SuppressAsync(DeliveryUnderTest delivery, string address, string? words = null, string? stream = null) =>
        Assert.Equal(1, await delivery.Suppressions.AddAsync(
            "default",
            [new Suppression { Address = address, Reason = stream is null ? SuppressionReason.Bounce : SuppressionReason.Unsubscribe, Since = delivery.Time.GetUtcNow(), Words = words, Stream = stream }],
            Cancellation));
}
