using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.TestKit.Remote;

namespace Relay.Tests.Delivery.Sending;

/// <summary>4yz and 5yz at each stage, and what they mean for whom.</summary>
public sealed class RefusedTests
{
    [Theory]
    [InlineData(RemoteStage.Mail)]
    [InlineData(RemoteStage.Rcpt)]
    [InlineData(RemoteStage.Data)]
    [InlineData(RemoteStage.EndOfData)]
    public async Task A_5yz_is_final_with_the_words_of_the_remote(RemoteStage stage)
    {
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().On(stage, "550 5.7.1 Not here"));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        var bounced = Assert.Single(await delivery.SendAsync("a@remote.test"));

        Assert.Equal((MailEventType.Bounced, "550 5.7.1 Not here", "code.5.7"), (bounced.Type, bounced.Reply, bounced.Rule));
        var failure = Assert.Single(Assert.Single(delivery.Reports.Asked).Failures);
        Assert.Equal(("5.7.1", "550 5.7.1 Not here", "127.0.0.1"), (failure.Status, failure.Reply, failure.Host));
        Assert.Null(delivery.Queue.Settlements[0].Next);
    }

    [Theory]
    [InlineData(RemoteStage.Greeting)]
    [InlineData(RemoteStage.Ehlo)]
    [InlineData(RemoteStage.Mail)]
    [InlineData(RemoteStage.Rcpt)]
    [InlineData(RemoteStage.Data)]
    [InlineData(RemoteStage.EndOfData)]
    public async Task A_4yz_is_tried_again(RemoteStage stage)
    {
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().Once(stage, "451 4.3.2 Later"));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        var deferred = Assert.Single(await delivery.SendAsync("a@remote.test"));
        Assert.Equal((MailEventType.Deferred, "451 4.3.2 Later"), (deferred.Type, deferred.Reply));
        Assert.Equal(delivery.Queue.Settlements[0].DueAt, deferred.NextAttempt);

        delivery.AdvanceTo(delivery.Queue.Settlements[0]);
        var delivered = Assert.Single((await delivery.SettledAsync(2)).Events);
        Assert.Equal((MailEventType.Delivered, 2), (delivered.Type, delivered.Attempt));
        Assert.Empty(delivery.Reports.Asked);
    }

    [Theory]
    [InlineData(RemoteStage.Greeting)]
    [InlineData(RemoteStage.Helo)]
    public async Task A_5yz_before_any_mail_says_nothing_about_the_mail(RemoteStage stage)
    {
        var script = new RemoteScript().On(RemoteStage.Ehlo, "502 What?").On(stage, "554 No service");
        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        Assert.Equal(MailEventType.Deferred, (await delivery.SendAsync("a@remote.test"))[0].Type);
    }

    [Fact]
    public async Task A_remote_that_knows_only_HELO_gets_its_mail()
    {
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().On(RemoteStage.Ehlo, "502 5.5.1 What?"));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        Assert.Equal(MailEventType.Delivered, (await delivery.SendAsync("a@remote.test"))[0].Type);
        Assert.Equal("HELO relay.test", remote.Sessions[0].Commands[1]);
    }

    [Fact]
    public async Task Each_recipient_has_an_outcome_of_its_own()
    {
        var script = new RemoteScript()
            .On(RemoteStage.Rcpt, m => m.Line.Contains("<bad@") ? RemoteAnswer.Say("550 5.1.1 Unknown") : null)
            .On(RemoteStage.Rcpt, m => m.Line.Contains("<later@") && m.Count <= 3 ? RemoteAnswer.Say("450 4.2.1 Busy") : null);
        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        var events = await delivery.SendAsync("good@remote.test", "bad@remote.test", "later@remote.test");

        Assert.Equal([MailEventType.Delivered, MailEventType.Bounced, MailEventType.Deferred], events.Select(e => e.Type));
        Assert.Equal(["good@remote.test", "bad@remote.test", "later@remote.test"], events.Select(e => e.Recipient));
        Assert.Equal([2], delivery.Queue.Settlements[0].Next!.Open.Select(o => o.Index));

        delivery.AdvanceTo(delivery.Queue.Settlements[0]);
        Assert.Equal("later@remote.test", Assert.Single((await delivery.SettledAsync(2)).Events).Recipient);
        Assert.Equal(["RCPT TO:<later@remote.test>"], remote.Messages[1].RcptTo);
    }

    [Fact]
    public async Task A_552_to_one_recipient_of_several_means_too_many_and_is_temporary()
    {
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().On(RemoteStage.Rcpt, "552 5.5.3 Too many"));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        var events = await delivery.SendAsync("a@remote.test", "b@remote.test");

        Assert.Equal(2, events.Count);
        Assert.All(events, e => Assert.Equal((MailEventType.Deferred, "smtp.too-many-recipients"), (e.Type, e.Rule)));
    }

    [Fact]
    public async Task A_552_to_the_only_recipient_is_final()
    {
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().On(RemoteStage.Rcpt, "552 5.2.2 Full"));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        Assert.Equal(MailEventType.Bounced, (await delivery.SendAsync("a@remote.test"))[0].Type);
    }

    [Fact]
    public async Task A_354_without_any_recipient_is_answered_with_a_lone_dot_and_the_connection_lives_on()
    {
        var script = new RemoteScript()
            .On(RemoteStage.Rcpt, m => m.Line.Contains("<bad@") ? RemoteAnswer.Say("550 5.1.1 Unknown") : null)
            .Once(RemoteStage.Data, "354 Go on");
        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, ("Delivery:ConnectionsPerSite", 1));

        Assert.Equal(MailEventType.Bounced, (await delivery.SendAsync("bad@remote.test"))[0].Type);
        Assert.Equal(MailEventType.Delivered, (await delivery.SendAsync("good@remote.test"))[0].Type);

        Assert.Empty(remote.Messages[0].Wire);
        Assert.Empty(remote.Messages[0].RcptTo);
        Assert.Single(remote.Sessions);
    }

    [Fact]
    public async Task A_failed_transaction_is_reset_before_the_next_one_on_the_connection()
    {
        var script = new RemoteScript().Once(RemoteStage.Data, "451 4.3.0 Not now");
        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, ("Delivery:ConnectionsPerSite", 1));

        Assert.Equal(MailEventType.Deferred, (await delivery.SendAsync("a@remote.test"))[0].Type);
        Assert.Equal(MailEventType.Delivered, (await delivery.SendAsync("b@remote.test"))[0].Type);

        var commands = Assert.Single(remote.Sessions).Commands;
        Assert.Equal(["EHLO", "MAIL", "RCPT", "DATA", "RSET", "MAIL", "RCPT", "DATA"], commands.Select(c => c.Split(' ')[0]));
    }

    [Fact]
    public async Task A_message_larger_than_the_remote_takes_bounces_without_being_sent()
    {
        var script = new RemoteScript();
        script.Capabilities[1] = "SIZE 50";
        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        var bounced = (await delivery.SendAsync("a@remote.test"))[0];

        Assert.Equal((MailEventType.Bounced, "content.too-large"), (bounced.Type, bounced.Rule));
        Assert.Equal("5.3.4", delivery.Reports.Asked[0].Failures[0].Status);
        Assert.Null(delivery.Reports.Asked[0].Failures[0].Host);
        Assert.DoesNotContain(remote.Sessions[0].Commands, c => c.StartsWith("MAIL", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Eight_bit_content_is_declared_where_it_is_taken()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        var message = A.MessageOf("Subject: x\r\n\r\nGr\u00fc\u00dfe\r\n", delivery.Time, "a@remote.test");

        await delivery.SendAsync(message with { Content = message.Content with { HasEightBit = true } });

        Assert.EndsWith(" BODY=8BITMIME", remote.Messages[0].MailFrom);
    }

    [Fact]
    public async Task An_address_in_UTF8_bounces_alone_where_the_remote_does_not_take_it()
    {
        var script = new RemoteScript();
        script.Capabilities.Remove("SMTPUTF8");
        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        var events = await delivery.SendAsync("j\u00f6rg@remote.test", "a@remote.test");

        Assert.Equal([MailEventType.Bounced, MailEventType.Delivered], events.Select(e => e.Type));
        Assert.Equal("5.6.7", delivery.Reports.Asked[0].Failures[0].Status);
    }

    [Fact]
    public async Task An_address_in_UTF8_is_declared_where_it_is_taken()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        await delivery.SendAsync("j\u00f6rg@remote.test");

        Assert.EndsWith(" BODY=8BITMIME SMTPUTF8", remote.Messages[0].MailFrom);
        Assert.Equal(["RCPT TO:<j\u00f6rg@remote.test>"], remote.Messages[0].RcptTo);
    }

    [Fact]
    public async Task A_content_with_a_lone_LF_never_reaches_a_remote_whole()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        var bounced = (await delivery.SendAsync(A.MessageOf("Subject: x\r\n\r\na\n.\r\nMAIL FROM:<>\r\n", delivery.Time, "a@remote.test")))[0];

        Assert.Equal((MailEventType.Bounced, "content.malformed"), (bounced.Type, bounced.Rule));
        await remote.WaitForClosedAsync(1, TestContext.Current.CancellationToken);
        Assert.Empty(remote.Messages);
    }

    [Fact]
    public async Task Content_that_the_store_does_not_give_defers_the_message_and_sends_no_dot()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        var message = A.Message(delivery.Time, "a@remote.test");

        var deferred = (await delivery.SendAsync(message with { Content = message.Content with { Chunks = 1 } }))[0];

        Assert.Equal((MailEventType.Deferred, "content.unavailable"), (deferred.Type, deferred.Rule));
        await remote.WaitForClosedAsync(1, TestContext.Current.CancellationToken);
        Assert.Empty(remote.Messages);
    }

    [Fact]
    public async Task A_failure_report_is_accepted_in_the_same_step_and_delivered()
    {
        var script = new RemoteScript().On(RemoteStage.Rcpt, m => m.Line.Contains("bad@") ? RemoteAnswer.Say("550 5.1.1 No") : null);
        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        await delivery.SendAsync(A.Message(delivery.Time, "bad@remote.test") with { ReportsFailures = true });
        await delivery.SettledAsync(2);

        Assert.Single(delivery.Queue.Settlements[0].Reports);
        Assert.Equal(["RCPT TO:<orders@shop.test>"], Assert.Single(remote.Messages).RcptTo);
        Assert.StartsWith("MAIL FROM:<>", remote.Messages[0].MailFrom);
    }
}
