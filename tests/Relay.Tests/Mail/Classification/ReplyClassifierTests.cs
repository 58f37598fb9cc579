using Relay.Mail.Classification;
using Relay.Smtp.Replies;

namespace Relay.Tests.Mail.Classification;

public sealed class ReplyClassifierTests
{
    [Theory]
    [InlineData("550 5.1.1 <ada@example.net>: Recipient address rejected: User unknown in virtual mailbox table", SmtpPhase.Recipient, "unknown-user", Severity.Hard)]
    [InlineData("550 No such user here", SmtpPhase.Recipient, "unknown-user", Severity.Hard)]
    [InlineData("550 Unknown user ada@example.net", SmtpPhase.Content, "unproven-user", Severity.Soft)]
    [InlineData("452 4.2.2 The email account that you tried to reach is over quota", SmtpPhase.Recipient, "mailbox-full", Severity.Soft)]
    [InlineData("450 4.2.0 <ada@example.net>: Recipient address rejected: Greylisted", SmtpPhase.Recipient, "greylisted", Severity.Soft)]
    [InlineData("554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org", SmtpPhase.Recipient, "blocked", Severity.Soft)]
    [InlineData("550-5.7.1 [192.0.2.1] Our system has detected that this message is likely unsolicited mail", SmtpPhase.Content, "sender-reputation", Severity.Soft)]
    [InlineData("421-4.7.28 Our system has detected an unusual rate of unsolicited mail originating from your DKIM domain [shop.test 36]", SmtpPhase.Content, "sender-reputation", Severity.Soft)]
    [InlineData("550-5.7.1 likely suspicious due to the very low reputation of the sending IP address", SmtpPhase.Content, "blocked", Severity.Soft)]
    [InlineData("550 5.1.8 Access denied, bad outbound sender AS(42003)", SmtpPhase.Sender, "sender-reputation", Severity.Soft)]
    [InlineData("550 5.7.511 Access denied, banned sender[192.0.2.1]", SmtpPhase.Sender, "blocked", Severity.Soft)]
    [InlineData("550 5.1.0 MailFrom domain is listed in Spamhaus", SmtpPhase.Sender, "sender-reputation", Severity.Soft)]
    [InlineData("554 5.7.1 Blocked by dbl.spamhaus.org", SmtpPhase.Content, "sender-reputation", Severity.Soft)]
    [InlineData("554 5.7.1 Service unavailable; Sender address [shop@shop.test] blocked using dbl.spamhaus.org", SmtpPhase.Recipient, "sender-reputation", Severity.Soft)]
    [InlineData("554 5.7.1 Service unavailable; Helo command [relay.example] blocked using dbl.spamhaus.org", SmtpPhase.Recipient, "blocked", Severity.Soft)]
    [InlineData("554 5.7.1 Service unavailable; Unverified Client host [relay.example] blocked using dbl.spamhaus.org", SmtpPhase.Recipient, "blocked", Severity.Soft)]
    [InlineData("550 5.1.0 Client host [relay.example] blocked using multi.uribl.com", SmtpPhase.Sender, "blocked", Severity.Soft)]
    [InlineData("550 5.7.26 Unauthenticated email from example.com is not accepted due to domain's DMARC policy", SmtpPhase.Content, "unauthenticated", Severity.Soft)]
    [InlineData("554 5.7.1 <ada@example.net>: Relay access denied", SmtpPhase.Recipient, "relay-denied", Severity.Soft)]
    [InlineData("421 4.7.0 Too many connections", SmtpPhase.Connection, "throttled", Severity.Soft)]
    [InlineData("550 Domain of sender address shop@example.com does not exist", SmtpPhase.Sender, "sender-refused", Severity.Soft)]
    [InlineData("556 5.1.10 Recipient address has null MX", SmtpPhase.Recipient, "no-mail-domain", Severity.Hard)]
    public void Well_known_replies_are_understood(string reply, SmtpPhase phase, string expected, Severity severity)
    {
        var result = ReplyClassifier.Default.Classify(RemoteWords.Read(reply, null, phase));

        Assert.Equal((expected, severity), (result.Class, result.Severity));
    }

    [Fact]
    public void What_an_address_is_called_says_nothing()
    {
        var result = ReplyClassifier.Default.Classify(
            RemoteWords.Read("550 <user.unknown@mailbox.full.example>: Recipient address rejected: Denied by policy", null, SmtpPhase.Recipient));

        Assert.Equal("policy", result.Class);
    }

    [Fact]
    public void Codes_in_the_middle_of_a_continued_reply_do_not_part_its_words()
    {
        var result = ReplyClassifier.Default.Classify(
            RemoteWords.Read("550-5.1.1 The email account that you tried to 550-5.1.1 reach does not exist. 550 5.1.1 Try again", null, SmtpPhase.Unknown));

        Assert.Equal("google.no-such-user", result.Rule);
    }

    [Fact]
    public void A_temporary_no_never_ends_a_message()
    {
        var transient = ReplyClassifier.Default.Classify(RemoteWords.Of(new SmtpReply(450, "4.1.1", "User unknown"), "mx.example.net", SmtpPhase.Recipient));
        var permanent = ReplyClassifier.Default.Classify(RemoteWords.Of(new SmtpReply(550, "5.1.1", "User unknown"), "mx.example.net", SmtpPhase.Recipient));

        Assert.Equal(Consequence.Retry, transient.Consequence);
        Assert.Equal(Consequence.Suppress, permanent.Consequence);
    }

    [Theory]
    [InlineData(450, "5.1.1", Consequence.Retry)]
    [InlineData(550, "4.1.1", Consequence.Suppress)]
    public void Of_two_codes_that_contradict_each_other_the_reply_code_counts(int code, string enhanced, Consequence expected)
    {
        var result = ReplyClassifier.Default.Classify(RemoteWords.Of(new SmtpReply(code, enhanced, "User unknown"), "mx.example.net", SmtpPhase.Recipient));

        Assert.Equal(("unknown-user", expected), (result.Class, result.Consequence));
    }

    [Fact]
    public void Nothing_to_go_by_is_a_bounce_without_blame()
    {
        var result = ReplyClassifier.Default.Classify(new RemoteWords { Text = "zzz", Code = 550 });

        Assert.Equal(("undetermined", Fault.Undetermined, Consequence.Bounce), (result.Rule, result.Fault, result.Consequence));
    }

    [Theory]
    [InlineData("550 5.1.1 no", 550, "5.1.1")]
    [InlineData("550-5.7.26 no", 550, "5.7.26")]
    [InlineData("no mailbox here (#5.1.1)", null, "5.1.1")]
    [InlineData("smtp; 554 554 5.7.1 Service unavailable", 554, "5.7.1")]
    [InlineData("mx[203.0.113.5] said: 452 4.2.2 full", 452, "4.2.2")]
    [InlineData("550 5.0.0 then 5.2.2", 550, "5.2.2")]
    [InlineData("connect to 5.1.1.20: refused", null, null)]
    [InlineData("5501 apples for 550px", null, null)]
    [InlineData("550: : User unknown", 550, null)]
    [InlineData("", null, null)]
    public void Codes_are_found_where_they_stand(string text, int? code, string? status)
    {
        var words = RemoteWords.Read(text);

        Assert.Equal((code, status), (words.Code, words.Status?.ToString()));
    }

    [Fact]
    public void A_text_made_to_cost_time_costs_none()
    {
        var hostile = string.Concat(Enumerable.Repeat("user recipient mailbox account domain ", 20_000));

        var result = ReplyClassifier.Default.Classify(new RemoteWords { Text = hostile });

        Assert.Equal("undetermined", result.Rule);
    }
}
