using System.Text;

namespace Relay.Tests.Feedback.Returns;

/// <summary>Mail as daemons send it back.</summary>
internal static class Reports
{
    public static byte[] Bounce(string address, string status = "5.1.1", string reply = "550 5.1.1 User unknown", string action = "failed", string? original = null) =>
        Text($"""
            From: Mail Delivery System <MAILER-DAEMON@mx.there.test>
            To: shop@shop.test
            Subject: Undelivered Mail Returned to Sender
            MIME-Version: 1.0
            Content-Type: multipart/report; report-type=delivery-status; boundary="b1"

            --b1
            Content-Type: text/plain

            This is the mail system at host mx.there.test.

            <{address}>: host mx.inner.test[192.0.2.25] said: {reply} (in reply to RCPT TO command)

            --b1
            Content-Type: message/delivery-status

            Reporting-MTA: dns; mx.there.test

            Final-Recipient: rfc822; {address}
            Original-Recipient: rfc822;{original ?? address}
            Action: {action}
            Status: {status}
            Diagnostic-Code: smtp; {reply}

            --b1
            Content-Type: text/rfc822-headers

            From: Shop <shop@shop.test>
            Message-ID: <1@shop.test>

            --b1--
            """);

    public static byte[] Complaint(string? address, string sentWith = "shop@shop.test") => Text($"""
        From: feedback@there.test
        To: shop@shop.test
        Subject: FW: Your order
        MIME-Version: 1.0
        Content-Type: multipart/report; report-type=feedback-report; boundary="a"

        --a
        Content-Type: text/plain

        This is a report about mail from your address.

        --a
        Content-Type: message/feedback-report

        Feedback-Type: abuse
        User-Agent: Generator/1.0
        Version: 1
        Original-Mail-From: <{sentWith}>
        {(address is null ? "Source-IP: 192.0.2.1" : $"Original-Rcpt-To: <{address}>")}

        --a
        Content-Type: text/rfc822-headers

        From: Shop <shop@shop.test>
        Message-ID: <1@shop.test>

        --a--
        """);

    public static byte[] Vacation { get; } = Answer("Out of office", "I am away.");

    public static byte[] Letter { get; } = Text("""
        From: ann@there.test
        To: shop@shop.test
        Subject: A question

        When does it come?
        """);

    public static byte[] Wish(string from = "ann@there.test", string subject = "unsubscribe") => Text($"""
        From: {from}
        To: list@shop.test
        Subject: {subject}

        unsubscribe
        """);

    public static byte[] Answer(string subject, string words) => Text($"""
        From: ann@there.test
        To: shop@shop.test
        Subject: {subject}
        Auto-Submitted: auto-replied
        MIME-Version: 1.0
        Content-Type: text/plain; charset=utf-8

        {words}
        """);

    public static byte[] Text(string text) => Encoding.UTF8.GetBytes(text.ReplaceLineEndings("\r\n") + "\r\n");
}
