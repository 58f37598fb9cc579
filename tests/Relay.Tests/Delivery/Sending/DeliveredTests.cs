using System.Text;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Smtp.Addresses;
using Relay.TestKit.Remote;

namespace Relay.Tests.Delivery.Sending;

public sealed class DeliveredTests
{
    [Fact]
    public async Task A_message_leaves_as_it_came_and_its_event_says_where_it_went()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        var events = await delivery.SendAsync("a@remote.test");

        var mail = Assert.Single(remote.Messages);
        Assert.Equal("Received: from client.test by relay.test\r\n" + A.Body, mail.Text);
        Assert.StartsWith("MAIL FROM:<orders@shop.test> SIZE=", mail.MailFrom);
        Assert.Equal(["RCPT TO:<a@remote.test>"], mail.RcptTo);

        var delivered = Assert.Single(events);
        Assert.Equal(MailEventType.Delivered, delivered.Type);
        Assert.Equal(("a@remote.test", 1, "127.0.0.1", $"127.0.0.1:{remote.Port}"), (delivered.Recipient, delivered.Attempt, delivered.Host, delivered.Address));
        Assert.Equal("250 2.0.0 Ok: queued as 1-1", delivered.Reply);
        Assert.Null(delivered.Tls);
        Assert.Equal(0, delivery.Queue.Messages);
    }

    [Fact]
    public async Task The_world_is_told_the_return_path_instead_of_the_senders_own_address()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        await delivery.SendAsync(A.Message(delivery.Time, "a@remote.test", "b@remote.test") with { ReturnPath = EnvelopeAddress.Parse("t0ken@bounce.shop.test") });

        Assert.StartsWith("MAIL FROM:<t0ken@bounce.shop.test> ", Assert.Single(remote.Messages).MailFrom);
    }

    [Fact]
    public async Task Lines_that_begin_with_a_dot_arrive_whole()
    {
        var body = "Subject: dots\r\n\r\n.\r\n..\r\n.a\r\nb.\r\n\r\n.";
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        await delivery.SendAsync(A.MessageOf(body, delivery.Time, "a@remote.test"));

        // A last line without an end gets one: the dot has to stand on a line of its own.
        Assert.EndsWith(body + "\r\n", remote.Messages[0].Text);
    }

    [Fact]
    public async Task A_large_content_is_sent_chunk_by_chunk_with_its_dots()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        var all = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(0, 40_000).Select(i => $".line {i}\r\n{i}.\r\n")));
        var message = A.Message(delivery.Time, "a@remote.test");
        var pieces = all.Chunk(MessageContent.ChunkBytes).ToArray();
        for (var i = 1; i < pieces.Length; i++)
        {
            await delivery.Contents.WriteChunkAsync(message.Id, i - 1, pieces[i], TestContext.Current.CancellationToken);
        }

        message = message with { Content = message.Content with { Prologue = default, Head = pieces[0], Chunks = pieces.Length - 1, Length = all.Length } };
        var events = await delivery.SendAsync(message);

        Assert.True(pieces.Length > 3);
        Assert.Equal(MailEventType.Delivered, Assert.Single(events).Type);
        Assert.Equal(all, remote.Messages[0].Content);
    }

    [Fact]
    public async Task A_large_clean_head_is_sent_from_where_it_stands()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        var body = string.Concat(Enumerable.Repeat(new string('x', 70) + "\r\n", 3_000)) + ".last\r\n";

        await delivery.SendAsync(A.MessageOf(body, delivery.Time, "a@remote.test"));

        Assert.EndsWith(body, remote.Messages[0].Text);
    }

    [Fact]
    public async Task The_envelope_goes_in_one_flight_where_the_remote_offers_pipelining()
    {
        var mail = new TaskCompletionSource();
        var script = new RemoteScript().On(RemoteStage.Mail, RemoteAnswer.Say("250 Ok").After(mail.Task));
        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        await delivery.AcceptAsync("a@remote.test", "b@remote.test");
        var session = (await remote.WaitForSessionsAsync(1, TestContext.Current.CancellationToken))[0];

        // The remote holds its answer to MAIL back; DATA is there all the same.
        await WaitUntil.TrueAsync(() => Encoding.ASCII.GetString(session.Received).EndsWith("DATA\r\n", StringComparison.Ordinal));
        mail.SetResult();

        Assert.Equal([MailEventType.Delivered, MailEventType.Delivered], (await delivery.SettledAsync()).Events.Select(e => e.Type));
    }

    [Fact]
    public async Task One_command_at_a_time_goes_to_a_remote_without_pipelining()
    {
        var script = new RemoteScript();
        script.Capabilities.Clear();
        script.On(RemoteStage.Mail, m => m.Session.Commands[^1].StartsWith("MAIL", StringComparison.Ordinal) ? null : RemoteAnswer.Say("503 too early"));
        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        var events = await delivery.SendAsync("a@remote.test");

        Assert.Equal(MailEventType.Delivered, events[0].Type);
        Assert.Equal("MAIL FROM:<orders@shop.test>", remote.Messages[0].MailFrom);
    }

    [Theory]
    [InlineData(ReplyPace.LineByLine)]
    [InlineData(ReplyPace.OctetByOctet)]
    public async Task Replies_may_come_in_any_pieces(ReplyPace pace)
    {
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript { Pace = pace });
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        var events = await delivery.SendAsync("a@remote.test", "b@remote.test");

        Assert.Equal([MailEventType.Delivered, MailEventType.Delivered], events.Select(e => e.Type));
    }

    [Fact]
    public async Task A_null_sender_leaves_null()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        var message = A.Message(delivery.Time, "a@remote.test");

        await delivery.SendAsync(message with { Envelope = message.Envelope with { Sender = null } });

        Assert.StartsWith("MAIL FROM:<> ", remote.Messages[0].MailFrom);
    }

    [Fact]
    public async Task Delivery_report_wishes_are_passed_on()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        var message = A.Message(delivery.Time, "a@remote.test");
        var recipient = message.Envelope.Recipients[0] with { Notify = DsnNotify.Never, OriginalRecipient = "rfc822;x+y@z.test" };

        await delivery.SendAsync(message with
        {
            Envelope = message.Envelope with { Return = DsnReturn.Full, EnvelopeId = "id 1", Recipients = [recipient] },
        });

        Assert.EndsWith(" RET=FULL ENVID=id+201", remote.Messages[0].MailFrom);
        Assert.Equal("RCPT TO:<a@remote.test> NOTIFY=NEVER ORCPT=rfc822;x+2By@z.test", remote.Messages[0].RcptTo[0]);
    }

    [Fact]
    public async Task Delivery_report_wishes_are_kept_from_a_remote_that_does_not_know_them()
    {
        var script = new RemoteScript();
        script.Capabilities.Remove("DSN");
        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        var message = A.Message(delivery.Time, "a@remote.test");

        await delivery.SendAsync(message with { Envelope = message.Envelope with { Return = DsnReturn.Full, EnvelopeId = "id" } });

        Assert.DoesNotContain("RET=", remote.Messages[0].MailFrom);
    }

    [Theory]
    [InlineData(false, DsnNotify.Success, true)]
    [InlineData(false, DsnNotify.Success | DsnNotify.Failure, true)]
    [InlineData(false, DsnNotify.Failure, false)]
    [InlineData(false, null, false)]
    [InlineData(true, DsnNotify.Success, false)]
    public async Task Who_wants_to_hear_of_success_hears_it_from_us_where_the_remote_will_not_tell(bool knowsDsn, DsnNotify? notify, bool isTold)
    {
        var script = new RemoteScript();
        if (!knowsDsn)
        {
            script.Capabilities.Remove("DSN");
        }

        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        var message = A.Message(delivery.Time, "a@remote.test", "b@remote.test");
        Recipient[] recipients = [message.Envelope.Recipients[0], message.Envelope.Recipients[1] with { Notify = notify }];

        await delivery.SendAsync(message with { Envelope = message.Envelope with { Recipients = recipients } });

        var told = delivery.Reports.Relayed.Select(r => (r.Index, r.Host)).ToList();
        Assert.Equal(isTold ? [(1, "127.0.0.1")] : [], told);
    }

    [Fact]
    public async Task A_test_message_ends_in_the_inbox_and_nowhere_else()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        var message = A.Message(delivery.Time, "a@remote.test", "b@other.test") with { Mode = MessageMode.Test };

        await delivery.AcceptAsync(message);
        var settlements = (await delivery.SettledAsync(2), delivery.Queue.Settlements);

        Assert.All(settlements.Settlements.SelectMany(s => s.Events), e => Assert.Equal((MailEventType.Delivered, "inbox"), (e.Type, e.Host)));
        Assert.NotNull(await delivery.Inbox.FindAsync("default", message.Id, TestContext.Current.CancellationToken));
        Assert.Empty(remote.Sessions);
    }

    [Fact]
    public async Task A_host_that_takes_two_recipients_at_a_time_gets_no_more()
    {
        var script = new RemoteScript();
        script.Capabilities.Add("LIMITS RCPTMAX=2");
        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        await delivery.AcceptAsync("a@remote.test", "b@remote.test", "c@remote.test", "d@remote.test", "e@remote.test");
        await remote.WaitForMessagesAsync(3, TestContext.Current.CancellationToken);

        Assert.Equal([2, 2, 1], remote.Messages.Select(mail => mail.RcptTo.Count).OrderDescending());
        Assert.Equal(5, remote.Messages.SelectMany(mail => mail.RcptTo).Distinct().Count());
    }
}
