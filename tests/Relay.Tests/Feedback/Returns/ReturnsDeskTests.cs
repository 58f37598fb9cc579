using System.Text;
using MimeKit;
using Relay.Mail.Events;
using Relay.Mail.Incoming;
using Relay.Mail.Messages;
using Relay.Mail.Suppressions;
using Relay.Mail.Tokens;
using Relay.Smtp.Addresses;
using Relay.Tests.Redis;

namespace Relay.Tests.Feedback.Returns;

public sealed class ReturnsDeskTests : IDisposable
{
    private readonly ReturnsUnderTest _returns = new();

    public void Dispose() => _returns.Dispose();

    [Fact]
    public async Task A_bounce_after_the_delivery_ends_the_recipient_as_bounced_in_the_remotes_words()
    {
        var message = await _returns.DeliveredAsync("ann@there.test");

        Assert.Equal(IncomingResult.Taken, await _returns.TakeAsync(Reports.Bounce("ann@there.test"), message));

        var bounced = _returns.EventsOf(message)[^1];
        Assert.Equal((MailEventType.Bounced, "ann@there.test", "acme"), (bounced.Type, bounced.Recipient, bounced.Account));
        Assert.Contains("550 5.1.1 User unknown", bounced.Reply, StringComparison.Ordinal);
        Assert.NotNull(bounced.Rule);
        Assert.True(bounced.Suppresses);
        Assert.Equal(RecipientState.Bounced, _returns.StateOf(message));
    }

    [Fact]
    public async Task The_sender_gets_our_own_report_that_its_software_can_read()
    {
        // Odoo looks for the address in the second group of the status, and for the Message-Id in the header given back.
        var message = await _returns.DeliveredAsync("ann@there.test");

        await _returns.TakeAsync(Reports.Bounce("ann@there.test"), message);

        var report = Assert.Single(_returns.Reports);
        Assert.Null(report.Envelope.Sender);
        Assert.Null(report.ReturnPath);
        Assert.Equal("sender@acme.test", Assert.Single(report.Envelope.Recipients).Address.Text);
        Assert.Equal((message.Account, message.Credential, message.Id.Slot), (report.Account, report.Credential, report.Id.Slot));
        var parts = Assert.IsType<MultipartReport>(Parse(report).Body);
        var status = parts.OfType<MessageDeliveryStatus>().Single().StatusGroups;
        Assert.Equal("rfc822; ann@there.test", status[1]["Final-Recipient"]);
        Assert.Equal("5.1.1", status[1]["Status"]);
        var header = ((MessagePart)parts[2]).Message!.Headers;
        Assert.Equal("text/rfc822-headers", parts[2].ContentType.MimeType);
        Assert.Equal("<1@acme.test>", header[HeaderId.MessageId]);
        Assert.Equal("Hello", header[HeaderId.Subject]);
    }

    [Fact]
    public async Task The_same_bounce_twice_is_one_event_and_one_report()
    {
        var message = await _returns.DeliveredAsync("ann@there.test");
        var bounce = Reports.Bounce("ann@there.test");

        Assert.Equal(IncomingResult.Taken, await _returns.TakeAsync(bounce, message));
        Assert.Equal(IncomingResult.Taken, await _returns.TakeAsync(bounce, message));

        Assert.Single(_returns.EventsOf(message), e => e.Type == MailEventType.Bounced);
        Assert.Single(_returns.Reports);
    }

    [Fact]
    public async Task One_who_tells_the_same_at_the_same_time_does_not_double_it()
    {
        var message = await _returns.DeliveredAsync("ann@there.test");
        var bounce = Reports.Bounce("ann@there.test");
        // Another session comes between our look and our write.
        _returns.Store.BeforeTelling.Enqueue(() => Assert.Equal(IncomingResult.Taken, _returns.TakeAsync(bounce, message).GetAwaiter().GetResult()));

        Assert.Equal(IncomingResult.Taken, await _returns.TakeAsync(bounce, message));

        Assert.Single(_returns.EventsOf(message), e => e.Type == MailEventType.Bounced);
        Assert.Single(_returns.Reports);
    }

    [Theory]
    [InlineData("ann@there.test", "ann@there.test")]
    [InlineData("ANN@There.Test", "ann@there.test")]
    [InlineData("ann@inner.test", "ann@there.test")]
    public async Task The_recipient_is_found_by_what_it_was_called_at_first(string final, string original)
    {
        var message = await _returns.DeliveredAsync("bob@there.test", "ann@there.test");

        await _returns.TakeAsync(Reports.Bounce(final, original: original), message);

        Assert.Equal(RecipientState.Delivered, _returns.StateOf(message, 0));
        Assert.Equal(RecipientState.Bounced, _returns.StateOf(message, 1));
    }

    [Fact]
    public async Task Where_there_is_one_recipient_it_is_meant_wherever_it_was_passed_on_to()
    {
        var message = await _returns.DeliveredAsync("ann@there.test");

        await _returns.TakeAsync(Reports.Bounce("a.n.other@elsewhere.test"), message);

        Assert.Equal(RecipientState.Bounced, _returns.StateOf(message));
        Assert.Equal("ann@there.test", _returns.EventsOf(message)[^1].Recipient);
    }

    [Fact]
    public async Task A_bounce_of_addresses_that_the_message_did_not_go_to_changes_nothing()
    {
        var message = await _returns.DeliveredAsync("ann@there.test", "bob@there.test");

        Assert.Equal(IncomingResult.Taken, await _returns.TakeAsync(Reports.Bounce("victim@elsewhere.test"), message));

        Assert.Empty(_returns.Store.Tellings);
        Assert.Equal(message.Id, Assert.Single(_returns.Aside).About);
    }

    [Theory]
    [InlineData("5.2.2", "552 5.2.2 Mailbox full")]
    [InlineData("5.7.1", "550 5.7.1 Message rejected as spam")]
    [InlineData("4.4.7", "421 4.4.7 Delivery time expired")]
    public async Task What_the_address_is_not_to_blame_for_bounces_and_suppresses_nothing(string status, string reply)
    {
        var message = await _returns.DeliveredAsync("ann@there.test");

        await _returns.TakeAsync(Reports.Bounce("ann@there.test", status, reply), message);

        Assert.Equal(RecipientState.Bounced, _returns.StateOf(message));
        Assert.Null(_returns.EventsOf(message)[^1].Suppresses);
        Assert.Single(_returns.Reports);
    }

    [Theory]
    [InlineData("delayed", "4.4.1")]
    [InlineData("delivered", "2.0.0")]
    [InlineData("relayed", "2.0.0")]
    [InlineData("expanded", "2.0.0")]
    public async Task What_is_no_failure_is_no_event_and_nobody_has_to_look_at_it(string action, string status)
    {
        var message = await _returns.DeliveredAsync("ann@there.test");

        Assert.Equal(IncomingResult.Taken, await _returns.TakeAsync(Reports.Bounce("ann@there.test", status, "421 4.4.1 not yet", action), message));

        Assert.Empty(_returns.Store.Tellings);
        Assert.Empty(_returns.Aside);
        Assert.Equal(RecipientState.Delivered, _returns.StateOf(message));
    }

    [Fact]
    public async Task A_bounce_of_mail_that_is_still_under_way_is_to_come_again()
    {
        var message = await _returns.SentAsync(end: null, change: null, "ann@there.test");

        var taken = _returns.TakeAsync(Reports.Bounce("ann@there.test"), message);
        while (!taken.IsCompleted)
        {
            _returns.Time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }

        Assert.Equal(IncomingResult.TooEarly, await taken);
        Assert.Empty(_returns.Store.Tellings);
    }

    [Fact]
    public async Task A_host_that_bounces_before_our_own_books_are_closed_is_waited_for()
    {
        var message = await _returns.SentAsync(end: null, change: null, "ann@there.test");
        var taken = _returns.TakeAsync(Reports.Bounce("ann@there.test"), message);
        Assert.False(taken.IsCompleted);

        var lease = Assert.Single(await _returns.Queue.LeaseDueAsync(TestMail.Everything, Cancellation));
        await _returns.Queue.SettleAsync(TestMail.Delivered(lease, _returns.Time), Cancellation);
        while (!taken.IsCompleted)
        {
            _returns.Time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }

        Assert.Equal(IncomingResult.Taken, await taken);
        Assert.Equal(RecipientState.Bounced, _returns.StateOf(message));
    }

    [Fact]
    public async Task Who_has_bounced_already_does_not_bounce_again()
    {
        var message = await _returns.SentAsync(TestMail.Bounced, change: null, "ann@there.test");

        Assert.Equal(IncomingResult.Taken, await _returns.TakeAsync(Reports.Bounce("ann@there.test"), message));

        Assert.Empty(_returns.Store.Tellings);
    }

    [Fact]
    public async Task A_bounce_of_a_message_that_is_forgotten_is_taken_and_changes_nothing()
    {
        var forgotten = MessageId.Create(_returns.Time);

        Assert.Equal(IncomingResult.Taken, await _returns.TakeAsync(Reports.Bounce("ann@there.test"), _returns.AddressOf(forgotten, TokenPurpose.ReturnPath)));

        Assert.Empty(_returns.Store.Tellings);
    }

    [Fact]
    public async Task Who_asked_for_no_report_gets_none()
    {
        var never = await _returns.SentAsync(TestMail.Delivered, m => m with
        {
            Envelope = m.Envelope with { Recipients = [m.Envelope.Recipients[0] with { Notify = DsnNotify.Never }] },
        }, "ann@there.test");
        var turnedOff = await _returns.SentAsync(TestMail.Delivered, m => m with { ReportsFailures = false }, "ann@there.test");
        var byHttp = await _returns.SentAsync(TestMail.Delivered, m => m with { ReportsFailures = false, Source = MessageSource.Http }, "ann@there.test");

        foreach (var message in (Message[])[never, turnedOff, byHttp])
        {
            await _returns.TakeAsync(Reports.Bounce("ann@there.test"), message);
            Assert.Equal(RecipientState.Bounced, _returns.StateOf(message));
        }

        Assert.Empty(_returns.Reports);
    }

    [Fact]
    public async Task The_report_says_what_the_sender_asked_it_to_say()
    {
        var message = await _returns.SentAsync(TestMail.Delivered, m => m with
        {
            Subject = "Bücher für Ann",
            Envelope = m.Envelope with
            {
                EnvelopeId = "QQ-1",
                Recipients = [m.Envelope.Recipients[0] with { Notify = DsnNotify.Failure | DsnNotify.Delay, OriginalRecipient = "rfc822;alias@there.test" }],
            },
        }, "ann@there.test");

        await _returns.TakeAsync(Reports.Bounce("ann@there.test"), message);

        var parts = Assert.IsType<MultipartReport>(Parse(Assert.Single(_returns.Reports)).Body);
        var status = parts.OfType<MessageDeliveryStatus>().Single().StatusGroups;
        Assert.Equal("QQ-1", status[0]["Original-Envelope-Id"]);
        Assert.Equal("rfc822; alias@there.test", status[1]["Original-Recipient"]);
        Assert.Equal("Bücher für Ann", ((MessagePart)parts[2]).Message!.Headers[HeaderId.Subject]);
    }

    [Theory]
    [InlineData("ann@there.test")]
    [InlineData(null)]
    public async Task A_complaint_is_told_once_of_the_recipient_it_names_or_of_the_only_one(string? named)
    {
        var message = await _returns.DeliveredAsync("ann@there.test");
        foreach (var purpose in (TokenPurpose[])[TokenPurpose.Complaint, TokenPurpose.ReturnPath])
        {
            Assert.Equal(IncomingResult.Taken, await _returns.TakeAsync(Reports.Complaint(named), message, purpose));
        }

        var complained = Assert.Single(_returns.EventsOf(message), e => e.Type == MailEventType.Complained);
        Assert.Equal(("ann@there.test", "abuse"), (complained.Recipient, complained.Reply));
        Assert.Empty(_returns.Reports);
        Assert.Equal(RecipientState.Complained, _returns.StateOf(message));
    }

    [Fact]
    public async Task A_complaint_that_hides_who_complains_is_told_by_the_address_it_came_to()
    {
        var message = await _returns.DeliveredAsync("ann@there.test", "bob@there.test");

        await _returns.TakeAsync(Reports.Complaint(null), _returns.AddressOf(message.Id, TokenPurpose.Complaint, recipient: 1));

        Assert.Equal("bob@there.test", Assert.Single(_returns.EventsOf(message), e => e.Type == MailEventType.Complained).Recipient);
    }

    [Fact]
    public async Task A_complaint_that_could_be_anybodys_is_kept_aside()
    {
        var message = await _returns.DeliveredAsync("ann@there.test", "bob@there.test");

        await _returns.TakeAsync(Reports.Complaint(null), message, TokenPurpose.Complaint);

        Assert.Empty(_returns.Store.Tellings);
        Assert.Single(_returns.Aside);
    }

    [Fact]
    public async Task Whatever_is_written_to_the_address_for_it_takes_its_recipient_off_once()
    {
        var message = await _returns.DeliveredAsync("ann@there.test");
        foreach (var content in (byte[][])[Reports.Wish(), Reports.Letter, Reports.Wish(subject: "")])
        {
            Assert.Equal(IncomingResult.Taken, await _returns.TakeAsync(content, message, TokenPurpose.Unsubscribe));
        }

        var told = Assert.Single(_returns.EventsOf(message), e => e.Type == MailEventType.Unsubscribed);
        Assert.Equal("ann@there.test", told.Recipient);
        Assert.Equal(RecipientState.Delivered, _returns.StateOf(message));
    }

    [Fact]
    public async Task Of_several_recipients_it_is_the_one_who_writes()
    {
        var message = await _returns.DeliveredAsync("bob@there.test", "ann@there.test");

        await _returns.TakeAsync(Reports.Wish(from: "Ann <Ann@There.test>"), message, TokenPurpose.Unsubscribe);
        await _returns.TakeAsync(Reports.Wish(from: "stranger@elsewhere.test"), message, TokenPurpose.Unsubscribe);

        Assert.Equal("ann@there.test", Assert.Single(_returns.EventsOf(message), e => e.Type == MailEventType.Unsubscribed).Recipient);
        Assert.Single(_returns.Aside);
    }

    [Fact]
    public async Task A_claim_in_the_subject_works_when_the_message_is_long_forgotten()
    {
        var forgotten = MessageId.Create(_returns.Time);
        Assert.True(new Unsubscription("acme", forgotten, "ann@there.test", "weekly").TrySeal(_returns.Tokens, out var claim));
        var address = _returns.AddressOf(forgotten, TokenPurpose.Unsubscribe);

        Assert.Equal(IncomingResult.Taken, await _returns.TakeAsync(Reports.Wish(subject: $"unsubscribe {claim}"), address));

        var telling = Assert.Single(_returns.Store.Tellings);
        var told = Assert.Single(telling.Events);
        Assert.Equal((MailEventType.Unsubscribed, "acme", "ann@there.test", "weekly", forgotten), (told.Type, told.Account, told.Recipient, told.Stream, told.Message));
        Assert.True(telling.IsOver);
    }

    [Fact]
    public async Task A_claim_of_somebodys_own_making_takes_nobody_off()
    {
        var address = _returns.AddressOf(MessageId.Create(_returns.Time), TokenPurpose.Unsubscribe);

        await _returns.TakeAsync(Reports.Wish(subject: $"unsubscribe {new string('A', 120)}"), address);

        Assert.Empty(_returns.Store.Tellings);
        Assert.Single(_returns.Aside);
    }

    [Fact]
    public async Task Who_complains_or_leaves_means_the_stream_and_a_mailbox_that_is_gone_all_mail()
    {
        var message = await _returns.SentAsync(TestMail.Delivered, m => m with { Stream = "weekly" }, "ann@there.test");

        await _returns.TakeAsync(Reports.Complaint("ann@there.test"), message, TokenPurpose.Complaint);
        await _returns.TakeAsync(Reports.Wish(), message, TokenPurpose.Unsubscribe);
        await _returns.TakeAsync(Reports.Bounce("ann@there.test"), message);

        Assert.Equal(["weekly", "weekly", null], _returns.Store.Tellings.Select(telling => Assert.Single(telling.Events).Stream));
    }

    [Theory]
    [InlineData(TokenPurpose.ReturnPath)]
    [InlineData(TokenPurpose.Complaint)]
    [InlineData(TokenPurpose.Unsubscribe)]
    public async Task An_automatic_answer_is_counted_and_changes_nothing(TokenPurpose purpose)
    {
        var message = await _returns.DeliveredAsync("ann@there.test");

        Assert.Equal(IncomingResult.Taken, await _returns.TakeAsync(Reports.Vacation, message, purpose));

        Assert.Empty(_returns.Store.Tellings);
        Assert.Empty(_returns.Aside);
    }

    [Theory]
    [InlineData("Baja médica", "Estaré de baja hasta el lunes.")]
    [InlineData("Re: Pedido", "Baja por maternidad.")]
    [InlineData("Abmeldung", "Abmelden kann ich mich hier nicht.")]
    public async Task An_automatic_answer_that_begins_like_a_wish_takes_nobody_off(string subject, string words)
    {
        var message = await _returns.DeliveredAsync("ann@there.test");

        Assert.Equal(IncomingResult.Taken, await _returns.TakeAsync(Reports.Answer(subject, words), message));

        Assert.Empty(_returns.Store.Tellings);
        Assert.Empty(_returns.Aside);
        Assert.Null(await HeldAsync(null));
    }

    [Theory]
    [InlineData(TokenPurpose.ReturnPath)]
    [InlineData(TokenPurpose.Complaint)]
    public async Task A_wish_that_came_to_another_address_than_the_one_for_it_is_for_people_unless_it_claims_what_we_sealed(TokenPurpose purpose)
    {
        var message = await _returns.DeliveredAsync("ann@there.test");

        await _returns.TakeAsync(Reports.Wish(), message, purpose);

        Assert.Empty(_returns.Store.Tellings);
        Assert.Equal(message.Id, Assert.Single(_returns.Aside).About);

        Assert.True(new Unsubscription("acme", message.Id, "ann@there.test", "weekly").TrySeal(_returns.Tokens, out var claim));
        await _returns.TakeAsync(Reports.Wish(subject: $"unsubscribe {claim}"), message, purpose);

        Assert.Equal("weekly", Assert.Single(Assert.Single(_returns.Store.Tellings).Events).Stream);
    }

    [Fact]
    public async Task A_claim_that_a_mail_program_sent_by_itself_counts()
    {
        var message = await _returns.DeliveredAsync("ann@there.test");
        Assert.True(new Unsubscription("acme", message.Id, "ann@there.test", "weekly").TrySeal(_returns.Tokens, out var claim));

        await _returns.TakeAsync(Reports.Answer($"unsubscribe {claim}", "Sent by a mail program."), message, TokenPurpose.Unsubscribe);

        Assert.NotNull(await HeldAsync("weekly"));
    }

    [Fact]
    public async Task A_bounce_to_the_address_for_unsubscribing_takes_nobody_off()
    {
        var message = await _returns.DeliveredAsync("ann@there.test");

        await _returns.TakeAsync(Reports.Bounce("ann@there.test"), message, TokenPurpose.Unsubscribe);

        Assert.Empty(_returns.Store.Tellings);
        Assert.Single(_returns.Aside);
    }

    [Fact]
    public async Task What_nobody_can_make_anything_of_is_kept_aside_and_told_of()
    {
        var message = await _returns.DeliveredAsync("ann@there.test");

        foreach (var content in (byte[][])[Reports.Letter, [], [0, 255, 13, 13, 10, 0], Encoding.ASCII.GetBytes(new string('x', 100_000))])
        {
            Assert.Equal(IncomingResult.Taken, await _returns.TakeAsync(content, message));
        }

        Assert.Equal(4, _returns.Aside.Count);
        Assert.All(_returns.Aside, kept => Assert.Equal(message.Id, kept.About));
        Assert.Equal((100_000, AsideMail.MaxContent), (_returns.Aside[0].Length, _returns.Aside[0].Content.Length));
        Assert.Empty(_returns.Store.Tellings);
    }

    [Fact]
    public async Task Mail_for_the_postmaster_is_kept_where_people_look()
    {
        Assert.Equal(IncomingResult.Taken, await _returns.TakeAsync(Reports.Bounce("ann@there.test"), EnvelopeAddress.BarePostmaster));

        Assert.Equal("it is for people", Assert.Single(_returns.Aside).Reason);
        Assert.Empty(_returns.Store.Tellings);
    }

    [Fact]
    public void An_address_without_a_token_of_ours_is_not_known()
    {
        var token = _returns.AddressOf(MessageId.Create(_returns.Time), TokenPurpose.ReturnPath).LocalPart;

        Assert.True(_returns.Desk.Knows(EnvelopeAddress.Parse($"{token}@any.test")));
        Assert.True(_returns.Desk.Knows(EnvelopeAddress.Parse($"{token.ToUpperInvariant()}@any.test")));
        foreach (var other in (string[])["ann", token[..^1], token[..^1] + (token[^1] == '0' ? '1' : '0'), $"{token}x", $"\"{token}\""])
        {
            Assert.False(_returns.Desk.Knows(EnvelopeAddress.Parse($"{other}@any.test")), other);
        }
    }

    [Fact]
    public async Task A_complaint_to_the_address_for_all_of_them_is_told_by_what_the_mail_was_sent_with()
    {
        var message = await _returns.DeliveredAsync("ann@there.test");
        var complaint = Reports.Complaint("ann@there.test", sentWith: message.ReturnPath!.Text);
        var strangers = Reports.Complaint("ann@there.test", sentWith: "somebody@elsewhere.test");

        Assert.Equal(IncomingResult.Taken, await _returns.TakeAsync(complaint, EnvelopeAddress.Parse("abuse@mx.relay.test")));
        Assert.Equal(IncomingResult.Taken, await _returns.TakeAsync(strangers, EnvelopeAddress.Parse("abuse@mx.relay.test")));

        Assert.Single(_returns.EventsOf(message), e => e.Type == MailEventType.Complained);
        Assert.Single(_returns.Aside);
    }

    [Fact]
    public async Task A_bounce_of_our_report_has_nowhere_to_come_back_to()
    {
        var message = await _returns.DeliveredAsync("ann@there.test");
        await _returns.TakeAsync(Reports.Bounce("ann@there.test"), message);
        var report = Assert.Single(_returns.Reports);

        Assert.Null(report.WireSender);
        Assert.False(report.ReportsFailures);
        // Whoever brings one all the same, to the address of the message that it was about, tells what is known.
        Assert.Equal(IncomingResult.Taken, await _returns.TakeAsync(Reports.Bounce("sender@acme.test"), message));
        Assert.Equal(IncomingResult.Taken, await _returns.TakeAsync(Reports.Bounce("sender@acme.test"), EnvelopeAddress.BarePostmaster));

        Assert.Single(_returns.Reports);
        Assert.Single(_returns.Store.Tellings);
    }

    [Theory]
    [InlineData(TellResult.StoreFull, IncomingResult.StoreFull)]
    [InlineData(TellResult.StoreUnavailable, IncomingResult.StoreUnavailable)]
    public async Task What_the_store_did_not_take_is_not_taken(TellResult refusal, IncomingResult expected)
    {
        var message = await _returns.DeliveredAsync("ann@there.test");
        _returns.Store.Refusal = refusal;

        Assert.Equal(expected, await _returns.TakeAsync(Reports.Bounce("ann@there.test"), message));
        Assert.Equal(expected, await _returns.TakeAsync(Reports.Letter, message));

        _returns.Store.Refusal = null;
        Assert.Equal(IncomingResult.Taken, await _returns.TakeAsync(Reports.Bounce("ann@there.test"), message));
        Assert.Equal(RecipientState.Bounced, _returns.StateOf(message));
    }

    [Fact]
    public async Task A_mail_for_several_messages_tells_of_each()
    {
        var first = await _returns.DeliveredAsync("ann@there.test");
        var second = await _returns.DeliveredAsync("ann@there.test");

        await _returns.TakeAsync(
            Reports.Bounce("ann@there.test"), _returns.AddressOf(first.Id, TokenPurpose.ReturnPath), _returns.AddressOf(second.Id, TokenPurpose.ReturnPath));

        Assert.Equal((RecipientState.Bounced, RecipientState.Bounced), (_returns.StateOf(first), _returns.StateOf(second)));
    }

    [Fact]
    public async Task Nested_ten_thousand_deep_it_is_read_as_far_as_anybody_would()
    {
        var message = await _returns.DeliveredAsync("ann@there.test");
        var text = new StringBuilder("From: MAILER-DAEMON@there.test\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n");
        for (var depth = 0; depth < 10_000; depth++)
        {
            text.Append($"Content-Type: multipart/mixed; boundary=\"b{depth}\"\r\n\r\n--b{depth}\r\n");
        }

        text.Append("Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x.test\r\n\r\nFinal-Recipient: rfc822; ann@there.test\r\nAction: failed\r\nStatus: 5.1.1\r\n");

        Assert.Equal(IncomingResult.Taken, await _returns.TakeAsync(Encoding.ASCII.GetBytes(text.ToString()), message));
    }

    [Fact]
    public async Task Who_was_let_in_again_can_leave_and_complain_again()
    {
        var message = await _returns.SentAsync(TestMail.Delivered, m => m with { Stream = "weekly" }, "ann@there.test");
        Assert.True(new Unsubscription("acme", message.Id, "ann@there.test", "weekly").TrySeal(_returns.Tokens, out var claim));
        foreach (var (content, purpose) in ((byte[], TokenPurpose)[])
        [
            (Reports.Wish(), TokenPurpose.Unsubscribe),
            (Reports.Wish(subject: $"unsubscribe {claim}"), TokenPurpose.Unsubscribe),
            (Reports.Complaint("ann@there.test"), TokenPurpose.Complaint),
            (Reports.Complaint("ann@there.test"), TokenPurpose.Complaint),
        ])
        {
            Assert.Equal(IncomingResult.Taken, await _returns.TakeAsync(content, message, purpose));
            Assert.NotNull(await HeldAsync("weekly"));

            _returns.Time.Advance(TimeSpan.FromMinutes(1));
            Assert.True(await _returns.Suppressions.ReleaseAsync("acme", Ann, "weekly", "key_1", _returns.Time.GetUtcNow(), Cancellation));
            _returns.Time.Advance(TimeSpan.FromMinutes(1));
        }
    }

    [Fact]
    public async Task Who_complains_after_a_bounce_is_suppressed_as_one_who_complained()
    {
        var message = await _returns.DeliveredAsync("ann@there.test");
        await _returns.Suppressions.AddAsync(
            "acme", [new Suppression { Address = "ann@there.test", Reason = SuppressionReason.Bounce, Since = _returns.Time.GetUtcNow(), Words = "550 No such user" }], Cancellation);

        await _returns.TakeAsync(Reports.Complaint("ann@there.test"), message, TokenPurpose.Complaint);

        var held = await HeldAsync(null);
        Assert.Equal((SuppressionReason.Complaint, "abuse", "550 No such user"), (held!.Reason, held.Words, held.Earlier?.Words));
    }

    [Fact]
    public async Task A_complaint_about_each_mail_is_told_though_the_first_has_its_consequence()
    {
        var first = await _returns.DeliveredAsync("ann@there.test");
        var second = await _returns.DeliveredAsync("ann@there.test");

        foreach (var message in (Message[])[first, second, second])
        {
            await _returns.TakeAsync(Reports.Complaint("ann@there.test"), message, TokenPurpose.Complaint);
        }

        Assert.Equal([first.Id, second.Id], _returns.Store.Tellings.Select(telling => telling.Message));
    }

    [Fact]
    public async Task What_becomes_of_mail_of_the_world_that_was_sent_on_changes_nothing_for_the_accounts_own()
    {
        var message = await _returns.SentAsync(TestMail.Delivered, m => m with { Source = MessageSource.Inbound, ReportsFailures = false }, "ann@there.test");

        foreach (var (content, purpose) in ((byte[], TokenPurpose)[])
        [
            (Reports.Complaint("ann@there.test"), TokenPurpose.ReturnPath),
            (Reports.Complaint("ann@there.test"), TokenPurpose.ReturnPath),
            (Reports.Wish(), TokenPurpose.Unsubscribe),
            (Reports.Bounce("ann@there.test"), TokenPurpose.ReturnPath),
        ])
        {
            Assert.Equal(IncomingResult.Taken, await _returns.TakeAsync(content, message, purpose));
        }

        Assert.Equal([MailEventType.Complained, MailEventType.Unsubscribed, MailEventType.Bounced], _returns.Store.Tellings.Select(telling => Assert.Single(telling.Events).Type));
        Assert.All(_returns.Store.Tellings, telling => Assert.Null(Suppression.From(telling.Events[0])));
        Assert.Null(await HeldAsync(null));
    }

    [Fact]
    public async Task A_claim_of_test_mail_takes_nobody_off()
    {
        var live = await _returns.DeliveredAsync("bob@there.test");
        Assert.True(new Unsubscription("acme", MessageId.Create(_returns.Time), "ann@there.test", "weekly", MessageMode.Test).TrySeal(_returns.Tokens, out var claim));

        Assert.Equal(IncomingResult.Taken, await _returns.TakeAsync(Reports.Wish(subject: $"unsubscribe {claim}"), live, TokenPurpose.Unsubscribe));

        Assert.Null(Suppression.From(Assert.Single(Assert.Single(_returns.Store.Tellings).Events)));
        Assert.Null(await HeldAsync("weekly"));
    }

    private static EnvelopeAddress Ann { get; } = EnvelopeAddress.Parse("ann@there.test");

    private ValueTask<Suppression?> HeldAsync(string? stream) => _returns.Suppressions.FindAsync("acme", Ann, stream, Cancellation);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static MimeMessage Parse(Message report) => MimeMessage.Load(new MemoryStream(report.Content.Head.ToArray()), Cancellation);
}
