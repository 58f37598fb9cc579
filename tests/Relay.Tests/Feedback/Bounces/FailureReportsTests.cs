using System.Text;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using MimeKit;
using Relay.Feedback.Bounces;
using Relay.Mail;
using Relay.Mail.Bounces;
using Relay.Mail.Messages;
using Relay.Smtp.Addresses;

namespace Relay.Tests.Feedback.Bounces;

public sealed class FailureReportsTests
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly FakeTimeProvider _time = new(Now);
    private readonly FailureReports _reports;

    public FailureReportsTests() =>
        _reports = new FailureReports(Options.Create(new RelayOptions { HostName = "mx.relay.test" }), _time);

    [Fact]
    public void A_report_goes_to_the_sender_from_nobody_and_must_not_be_answered()
    {
        var original = Original();

        var report = Compose(original, Failure(0));
        var mail = Parse(report);

        Assert.Null(report.Envelope.Sender);
        Assert.Equal("shop@sender.test", Assert.Single(report.Envelope.Recipients).Address.Text);
        Assert.Equal(MessageSource.Report, report.Source);
        Assert.Equal(original.Id.Slot, report.Id.Slot);
        Assert.Equal(original.Account, report.Account);
        Assert.False(report.ReportsFailures);
        Assert.Equal("auto-replied", mail.Headers[HeaderId.AutoSubmitted]);
        Assert.Equal("\"Mail Delivery System\" <MAILER-DAEMON@mx.relay.test>", mail.From.ToString());
        Assert.Equal("shop@sender.test", mail.To.ToString());
        Assert.Equal(["order-1@sender.test"], mail.References);
        Assert.Equal(Now, mail.Date);
        Assert.Equal("Undeliverable: Your order", mail.Subject);
        Assert.Equal("delivery-status", Assert.IsType<MultipartReport>(mail.Body).ReportType);
    }

    [Theory]
    [InlineData("1234.5@.localdomain")]
    [InlineData("\"abc@host")]
    [InlineData("(x@host")]
    [InlineData("a@[10.0.0.1")]
    [InlineData("a@b@c")]
    [InlineData("@host")]
    [InlineData("a@")]
    public void What_is_no_Message_ID_to_those_who_read_it_is_left_out_and_the_report_written_all_the_same(string id)
    {
        var original = Original() with { MessageIdHeader = id };

        var reports = new[] { Compose(original, Failure(0)), Compose(Original() with { MessageIdHeader = "1@localhost" }, Failure(0)) };

        Assert.All(reports, report => Assert.Equal("5.1.1", StatusOf(report)[1]["Status"]));
        Assert.True(Parse(reports[0]).References.Count == 0 || Parse(reports[0]).References[0] == id);
        Assert.Equal("1@localhost", Parse(reports[1]).InReplyTo);
    }

    [Fact]
    public void Programs_find_every_field_of_a_failed_recipient()
    {
        var original = Original(
            envelope => envelope with { EnvelopeId = "QQ-314159" },
            new Recipient { Address = EnvelopeAddress.Parse("gone@there.test"), OriginalRecipient = "rfc822;alias@there.test" });

        var groups = StatusOf(Compose(original, Failure(0)));

        Assert.Equal("QQ-314159", groups[0]["Original-Envelope-Id"]);
        Assert.Equal("dns; mx.relay.test", groups[0]["Reporting-MTA"]);
        Assert.Equal("Sun, 01 Mar 2026 11:00:00 +0000", groups[0]["Arrival-Date"]);
        Assert.Equal("rfc822; alias@there.test", groups[1]["Original-Recipient"]);
        Assert.Equal("rfc822; gone@there.test", groups[1]["Final-Recipient"]);
        Assert.Equal("failed", groups[1]["Action"]);
        Assert.Equal("5.1.1", groups[1]["Status"]);
        Assert.Equal("dns; mx.there.test", groups[1]["Remote-MTA"]);
        Assert.Equal("smtp; 550 5.1.1 No such user", groups[1]["Diagnostic-Code"]);
        Assert.Equal("Sun, 01 Mar 2026 12:00:00 +0000", groups[1]["Last-Attempt-Date"]);
    }

    [Fact]
    public void Our_own_words_are_not_passed_off_as_a_remote_reply()
    {
        var failure = new FailedRecipient(0, "5.1.2", "the domain there.test does not exist", null, Now);

        var report = Compose(Original(), failure);

        Assert.False(StatusOf(report)[1].Contains("Remote-MTA"));
        Assert.Equal("x-relay; the domain there.test does not exist", StatusOf(report)[1]["Diagnostic-Code"]);
        Assert.DoesNotContain("said:", TextOf(report), StringComparison.Ordinal);
    }

    [Fact]
    public void People_read_which_address_what_was_said_and_what_to_do()
    {
        var text = TextOf(Compose(Original(), Failure(0)));

        Assert.Contains("<gone@there.test>", text, StringComparison.Ordinal);
        Assert.Contains("mx.there.test said: 550 5.1.1 No such user", text, StringComparison.Ordinal);
        Assert.Contains("Check it for typing errors", text, StringComparison.Ordinal);
        Assert.Contains("Your order", text, StringComparison.Ordinal);
    }

    [Fact]
    public void The_header_comes_back_as_it_would_have_left()
    {
        var parts = PartsOf(Compose(Original(), Failure(0)));

        Assert.Equal("text/rfc822-headers", parts[2].ContentType.MimeType);
        Assert.Equal("Received: by mx.relay.test\nFrom: shop@sender.test\nSubject: Your order", TextOf(parts[2]));
    }

    [Fact]
    public void The_whole_message_comes_back_only_when_asked_for()
    {
        var parts = PartsOf(Compose(Original(envelope => envelope with { Return = DsnReturn.Full }), Failure(0)));

        var returned = Assert.IsType<MessagePart>(parts[2]);
        Assert.Equal("Thank you.", returned.Message?.TextBody?.Trim());
    }

    [Fact]
    public void A_message_too_large_for_a_report_comes_back_as_its_header()
    {
        var original = Original(envelope => envelope with { Return = DsnReturn.Full });
        var large = original with { Content = original.Content with { Head = Encoding.ASCII.GetBytes("Subject: x\r\n\r\n" + new string('x', MessageContent.ChunkBytes - 14)) } };
        var chunked = original with { Content = original.Content with { Chunks = 3 } };

        foreach (var message in new[] { large, chunked })
        {
            var report = Compose(message, Failure(0));
            Assert.True(report.Content.Length <= MessageContent.ChunkBytes);
            Assert.Equal("text/rfc822-headers", PartsOf(report)[2].ContentType.MimeType);
        }
    }

    [Fact]
    public void A_header_of_the_largest_size_is_cut_at_a_line()
    {
        var original = Original();
        var header = new StringBuilder();
        while (header.Length < MessageContent.ChunkBytes - 100)
        {
            header.Append("X-Filler: 0123456789012345678901234567890123456789\r\n");
        }

        var report = Compose(original with { Content = original.Content with { Head = Encoding.ASCII.GetBytes(header + "\r\nbody") } }, Failure(0));

        var returned = TextOf(PartsOf(report)[2]);
        Assert.True(report.Content.Length < 64 * 1024);
        Assert.EndsWith("X-Filler: 0123456789012345678901234567890123456789", returned, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, true)]
    [InlineData(DsnNotify.Failure, true)]
    [InlineData(DsnNotify.Failure | DsnNotify.Delay, true)]
    [InlineData(DsnNotify.Never, false)]
    [InlineData(DsnNotify.Success, false)]
    [InlineData(DsnNotify.Delay, false)]
    public void NOTIFY_decides_and_silence_means_failure(DsnNotify? notify, bool isReported)
    {
        var original = Original(recipients: new Recipient { Address = EnvelopeAddress.Parse("gone@there.test"), Notify = notify });

        Assert.Equal(isReported, _reports.Compose(original, [Failure(0)]) is not null);
    }

    [Fact]
    public void Who_asked_to_hear_of_success_is_told_that_the_message_was_passed_on_and_that_this_is_all()
    {
        var original = Original(
            envelope => envelope with { EnvelopeId = "QQ-314159" },
            new Recipient { Address = EnvelopeAddress.Parse("a@there.test"), Notify = DsnNotify.Success | DsnNotify.Failure },
            new Recipient { Address = EnvelopeAddress.Parse("b@there.test") });

        var report = _reports.ComposeRelayed(original, [Relayed(0), Relayed(1)]) ?? throw new InvalidOperationException("no report was due");

        var groups = StatusOf(report);
        Assert.Equal(2, groups.Count);
        Assert.Equal("QQ-314159", groups[0]["Original-Envelope-Id"]);
        Assert.Equal("rfc822; a@there.test", groups[1]["Final-Recipient"]);
        Assert.Equal(("relayed", "2.1.9", "dns; mx.there.test"), (groups[1]["Action"], groups[1]["Status"], groups[1]["Remote-MTA"]));
        Assert.Equal("smtp; 250 2.0.0 Ok: queued", groups[1]["Diagnostic-Code"]);
        Assert.Equal("Relayed: Your order", Parse(report).Subject);
        Assert.Contains("no other report of success will come", TextOf(report), StringComparison.Ordinal);
        Assert.DoesNotContain("not delivered", TextOf(report), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(DsnNotify.Never)]
    [InlineData(DsnNotify.Failure | DsnNotify.Delay)]
    public void Nobody_hears_of_success_who_has_not_asked(DsnNotify? notify)
    {
        var original = Original(recipients: new Recipient { Address = EnvelopeAddress.Parse("a@there.test"), Notify = notify });

        Assert.Null(_reports.ComposeRelayed(original, [Relayed(0)]));
    }

    [Fact]
    public void Only_the_recipients_that_want_it_are_reported()
    {
        var original = Original(recipients:
        [
            new Recipient { Address = EnvelopeAddress.Parse("a@there.test"), Notify = DsnNotify.Never },
            new Recipient { Address = EnvelopeAddress.Parse("b@there.test") },
        ]);

        var report = Compose(original, Failure(0), Failure(1));

        Assert.Equal(2, StatusOf(report).Count);
        Assert.DoesNotContain("a@there.test", Encoding.UTF8.GetString(report.Content.Head.Span), StringComparison.Ordinal);
    }

    [Fact]
    public void Nobody_is_told_about_a_null_sender_a_report_an_API_message_or_where_the_credential_says_no()
    {
        Assert.Null(_reports.Compose(Original(envelope => envelope with { Sender = null }), [Failure(0)]));
        Assert.Null(_reports.Compose(Original() with { Source = MessageSource.Report }, [Failure(0)]));
        Assert.Null(_reports.Compose(Original() with { Source = MessageSource.Http }, [Failure(0)]));
        Assert.Null(_reports.Compose(Original() with { ReportsFailures = false }, [Failure(0)]));
    }

    [Fact]
    public void No_word_of_client_or_remote_can_add_a_field()
    {
        var original = Original(
            envelope => envelope with { EnvelopeId = "a\r\nX-Evil: 1" },
            new Recipient { Address = EnvelopeAddress.Parse("gone@there.test"), OriginalRecipient = "rfc822;a\r\nX-Evil: 1" })
            with { Subject = "a\r\nX-Evil: 1", MessageIdHeader = "a@b>\r\nX-Evil: 1" };
        var failure = new FailedRecipient(0, "5.0.0", "550 no\r\n\r\nX-Evil: 1\u2028X-Evil: 2", "mx.there.test", Now);

        var report = Compose(original, failure);

        Assert.All(StatusOf(report), group => Assert.DoesNotContain(group, field => field.Field == "X-Evil"));
        Assert.DoesNotContain(Parse(report).Headers, field => field.Field == "X-Evil");
        Assert.Equal(2, StatusOf(report).Count);
    }

    [Fact]
    public void An_internationalised_recipient_is_named_in_ASCII()
    {
        var original = Original(recipients:
        [
            new Recipient { Address = EnvelopeAddress.Parse("info@bücher.test") },
            new Recipient { Address = EnvelopeAddress.Parse("grün@bücher.test") },
        ]);

        var report = Compose(original, Failure(0), Failure(1));

        var groups = StatusOf(report);
        Assert.Equal("rfc822; info@xn--bcher-kva.test", groups[1]["Final-Recipient"]);
        Assert.Equal(@"utf-8; gr\x{FC}n@xn--bcher-kva.test", groups[2]["Final-Recipient"]);
        Assert.False(report.Envelope.SmtpUtf8);
        Assert.False(report.Content.HasEightBitHeader);
    }

    [Fact]
    public void An_internationalised_sender_needs_SMTPUTF8_only_for_its_local_part()
    {
        var byDomain = Compose(Original(envelope => envelope with { Sender = EnvelopeAddress.Parse("info@bücher.test") }), Failure(0));
        var byLocalPart = Compose(Original(envelope => envelope with { Sender = EnvelopeAddress.Parse("grün@bücher.test"), SmtpUtf8 = true }), Failure(0));

        Assert.False(byDomain.Envelope.SmtpUtf8);
        Assert.True(byLocalPart.Envelope.SmtpUtf8);
        Assert.True(byLocalPart.Content.HasEightBitHeader);
        Assert.Contains("grün@", Encoding.UTF8.GetString(byLocalPart.Content.Head.Span), StringComparison.Ordinal);
    }

    [Fact]
    public void A_header_outside_ASCII_comes_back_in_seven_bits()
    {
        var original = Original();
        var header = Encoding.UTF8.GetBytes("From: grün@sender.test\r\n\r\n");

        var report = Compose(original with { Content = original.Content with { Head = header, HasEightBit = true, HasEightBitHeader = true } }, Failure(0));

        var returned = (MimePart)PartsOf(report)[2];
        Assert.Equal("message/global-headers", returned.ContentType.MimeType);
        Assert.Equal(ContentEncoding.Base64, returned.ContentTransferEncoding);
        Assert.False(report.Content.HasEightBit);
    }

    [Fact]
    public void Every_line_ends_with_CRLF_and_is_short_enough()
    {
        var failure = new FailedRecipient(0, "5.0.0", "550 " + new string('x', 3_000), "mx.there.test", Now);

        var text = Encoding.UTF8.GetString(Compose(Original(), failure).Content.Head.Span);

        Assert.DoesNotContain('\n', text.Replace("\r\n", "", StringComparison.Ordinal));
        Assert.DoesNotContain('\r', text.Replace("\r\n", "", StringComparison.Ordinal));
        Assert.All(text.Split("\r\n"), line => Assert.True(line.Length <= 998));
    }

    private Message Compose(Message original, params FailedRecipient[] failures) =>
        _reports.Compose(original, failures) ?? throw new InvalidOperationException("no report was due");

    private static RelayedRecipient Relayed(int index) => new(index, "250 2.0.0 Ok: queued", "mx.there.test", Now);

    private static FailedRecipient Failure(int index) => new(index, "5.1.1", "550 5.1.1 No such user", "mx.there.test", Now);

    private Message Original(Func<Envelope, Envelope>? change = null, params Recipient[] recipients)
    {
        var envelope = new Envelope
        {
            Sender = EnvelopeAddress.Parse("shop@sender.test"),
            Recipients = recipients.Length > 0 ? recipients : [new Recipient { Address = EnvelopeAddress.Parse("gone@there.test") }],
        };
        var prologue = "Received: by mx.relay.test\r\n"u8.ToArray();
        var head = "From: shop@sender.test\r\nSubject: Your order\r\n\r\nThank you.\r\n"u8.ToArray();
        return new Message
        {
            Id = MessageId.Create(_time, 77),
            Account = "default",
            Credential = "k1",
            Source = MessageSource.Smtp,
            Envelope = change is null ? envelope : change(envelope),
            Content = new MessageContent { Prologue = prologue, Head = head, Length = prologue.Length + head.Length },
            AcceptedAt = Now.AddHours(-1),
            From = "shop@sender.test",
            Subject = "Your order",
            MessageIdHeader = "order-1@sender.test",
            ReportsFailures = true,
        };
    }

    private static MimeMessage Parse(Message report) =>
        MimeMessage.Load(new MemoryStream([.. report.Content.Prologue.Span, .. report.Content.Head.Span]));

    private static Multipart PartsOf(Message report) => Parse(report).Body as Multipart ?? throw new InvalidOperationException("the report has one part only");

    private static IReadOnlyList<HeaderList> StatusOf(Message report) =>
        [.. ((MessageDeliveryStatus)PartsOf(report)[1]).StatusGroups.Where(group => group.Count > 0)];

    private static string TextOf(Message report) => ((TextPart)PartsOf(report)[0]).Text;

    private static string TextOf(MimeEntity part)
    {
        using var stream = new MemoryStream();
        part.WriteTo(stream, contentOnly: true, cancellationToken: TestContext.Current.CancellationToken);
        return Encoding.UTF8.GetString(stream.ToArray()).ReplaceLineEndings("\n").TrimEnd();
    }
}
