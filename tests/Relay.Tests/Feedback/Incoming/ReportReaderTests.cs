using System.Text;
using Relay.Feedback.Incoming;
using Relay.Mail.Classification;

namespace Relay.Tests.Feedback.Incoming;

public sealed class ReportReaderTests
{
    [Fact]
    public void The_reply_the_code_and_the_mail_it_is_about_are_kept()
    {
        var report = Read("""
            From: MAILER-DAEMON@mx.example.com
            Subject: Undelivered Mail Returned to Sender
            Content-Type: multipart/report; report-type=delivery-status; boundary=b

            --b
            Content-Type: message/delivery-status

            Reporting-MTA: dns; mx.example.com
            Original-Envelope-Id: shop+1

            Original-Recipient: rfc822; ada@example.net
            Final-Recipient: rfc822; ada.l@example.org
            Action: failed
            Status: 5.0.0
            Diagnostic-Code: smtp; 552 5.2.2 <ada.l@example.org>:
                the mailbox is full

            --b
            Content-Type: text/rfc822-headers

            From: shop@example.com
            Message-ID: <order-1@example.com>

            --b--
            """);

        var recipient = Assert.Single(report.Recipients);
        Assert.Equal(("ada.l@example.org", "ada@example.net"), (recipient.Address, recipient.Original));
        Assert.Equal(("5.2.2", "552 5.2.2 <ada.l@example.org>: the mailbox is full"), (recipient.Status, recipient.Reply));
        Assert.Equal(("status.2.2", Consequence.Bounce), (recipient.Rule, recipient.Consequence));
        Assert.Equal(("shop+1", "<order-1@example.com>"), (report.EnvelopeId, report.OriginalMessageId));
    }

    [Fact]
    public void Mail_that_is_still_being_tried_has_no_consequence()
    {
        var report = Read("""
            From: MAILER-DAEMON@mx.example.com
            Subject: Delayed Mail (still being retried)
            Content-Type: multipart/report; report-type=delivery-status; boundary=b

            --b
            Content-Type: message/delivery-status

            Reporting-MTA: dns; mx.example.com

            Final-Recipient: rfc822; ada@example.net
            Action: delayed
            Status: 4.1.1
            Diagnostic-Code: smtp; 450 4.1.1 User unknown

            --b--
            """);

        var recipient = Assert.Single(report.Recipients);
        Assert.True(recipient.IsDelayed);
        Assert.Equal((Severity.Soft, Consequence.None), (recipient.Severity!.Value, recipient.Consequence));
    }

    [Fact]
    public void A_report_of_a_failed_signature_is_no_complaint()
    {
        var report = Read("""
            From: dmarc@example.net
            Content-Type: multipart/report; report-type=feedback-report; boundary=b

            --b
            Content-Type: message/feedback-report

            Feedback-Type: auth-failure
            Version: 1
            Auth-Failure: dkim

            --b--
            """);

        Assert.Equal((ReportKind.Other, "auth-failure"), (report.Kind, report.FeedbackType));
    }

    [Fact]
    public void Nothing_at_all_is_another_kind_of_mail()
    {
        Assert.Equal(ReportKind.Other, ReportReader.Read([]).Kind);
        Assert.Equal(ReportKind.Other, ReportReader.Read("\r\n\r\n"u8).Kind);
    }

    private static IncomingReport Read(string mail) => ReportReader.Read(Encoding.UTF8.GetBytes(mail));
}
