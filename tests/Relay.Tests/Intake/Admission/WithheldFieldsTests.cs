using System.Text;
using Relay.Intake.Domains;
using Relay.Mail.Accounts;
using Relay.Mail.Messages;
using Relay.Tests.Mail.Signing;

namespace Relay.Tests.Intake.Admission;

public sealed class WithheldFieldsTests
{
    private const string Rest = "From: a@shop.test\r\nTo: b@there.test\r\nDate: Sun, 01 Mar 2026 11:00:00 +0000\r\nMessage-ID: <one@shop.test>\r\n";

    [Theory]
    [InlineData("Bcc: secret@there.test\r\n")]
    [InlineData("bcc:secret@there.test\r\n")]
    [InlineData("BCC : secret@there.test\r\n")]
    [InlineData("Bcc:\r\n")]
    [InlineData("Bcc: secret@there.test,\r\n\tsecret@elsewhere.test,\r\n secret@third.test\r\n")]
    [InlineData("Bcc: secret@there.test\r\nX-Between: 1\r\nBcc: secret@elsewhere.test\r\n")]
    [InlineData("Resent-Bcc: secret@there.test\r\n")]
    [InlineData("Return-Path: <secret@shop.test>\r\n")]
    public async Task What_only_the_envelope_knows_is_told_to_no_recipient(string fields)
    {
        using var gate = await new GateUnderTest().WithDomainAsync();
        var between = fields.Contains("X-Between", StringComparison.Ordinal) ? "X-Between: 1\r\n" : "";

        foreach (var (before, after) in new[] { ("", Rest), (Rest, ""), ("Subject: Bcc: no field\r\n\tBcc: nor this\r\n", Rest) })
        {
            var message = await gate.AdmittedAsync($"{before}{fields}{after}\r\nBcc: in the body\r\n");

            Assert.Equal($"{before}{between}{after}\r\nBcc: in the body\r\n", GateUnderTest.TextOf(message.Content.Head));
            Assert.Equal(message.Content.Prologue.Length + message.Content.Head.Length, message.Content.Length);
            Assert.Equal("a@shop.test", message.From);
        }
    }

    [Theory]
    [InlineData("Message-ID:\r\nDate:\r\n")]
    [InlineData("message-id : \t \r\nDATE: \r\n  \r\n")]
    public async Task A_Date_or_Message_ID_with_nothing_in_it_is_as_good_as_missing(string empty)
    {
        using var gate = await new GateUnderTest().WithDomainAsync();

        var message = await gate.AdmittedAsync($"{empty}From: a@shop.test\r\n\r\nbody\r\n");

        Assert.Equal("From: a@shop.test\r\n\r\nbody\r\n", GateUnderTest.TextOf(message.Content.Head));
        Assert.Equal($"{message.Id}@shop.test", message.MessageIdHeader);
        var prologue = GateUnderTest.TextOf(message.Content.Prologue);
        Assert.Contains($"Message-ID: <{message.Id}@shop.test>\r\n", prologue, StringComparison.Ordinal);
        Assert.Contains("Date: Sun, 01 Mar 2026 12:00:00 +0000\r\n", prologue, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_header_that_ends_with_the_content_is_no_exception()
    {
        using var gate = await new GateUnderTest().WithDomainAsync();

        var message = await gate.AdmittedAsync($"{Rest}Bcc: secret@there.test");

        Assert.Equal(Rest, GateUnderTest.TextOf(message.Content.Head));
    }

    [Fact]
    public async Task What_is_left_is_what_is_signed()
    {
        using var gate = await new GateUnderTest().WithDomainAsync();
        var domain = (await gate.Accounts.FindDomainAsync("shop", "shop.test", GateUnderTest.Cancellation))!;
        domain = domain with { Keys = KeyPair.CreateBoth(domain, gate.Seal, gate.Time.GetUtcNow()) };
        await gate.Accounts.PutDomainAsync(domain, GateUnderTest.Cancellation);

        var message = await gate.AdmittedAsync($"Bcc: secret@there.test\r\n{Rest}\r\nbody\r\n");

        Assert.Equal((2, 2), PublishedKeys.Of(domain).Check(Encoding.UTF8.GetBytes(GateUnderTest.TextOf(message.Content.Prologue) + GateUnderTest.TextOf(message.Content.Head))));
    }

    [Fact]
    public async Task The_same_mail_again_with_another_blind_copy_is_another_mail()
    {
        using var gate = await new GateUnderTest().WithDomainAsync();
        await gate.AdmittedAsync($"Idempotency-Key: one\r\nBcc: secret@there.test\r\n{Rest}\r\n");

        var refusal = await gate.RefusedAsync($"Idempotency-Key: one\r\nBcc: other@there.test\r\n{Rest}\r\n");

        Assert.Equal(Relay.Intake.Admission.RefusalReason.IdempotencyMismatch, refusal.Reason);
    }

    [Theory]
    [InlineData("Authentication-Results: mx.relay.test; dkim=pass header.d=bank.test\r\n", true)]
    [InlineData("authentication-results:\r\n MX.Relay.Test 1; spf=pass\r\n", true)]
    [InlineData("Authentication-Results: (a (nested\\)) comment) mx.relay.test; none\r\n", true)]
    [InlineData("Authentication-Results: \"mx.relay.test\"; none\r\n", true)]
    [InlineData("Authentication-Results: mx.relay.test\r\n", true)]
    [InlineData("Authentication-Results: mx.relay.test.elsewhere.test; none\r\n", false)]
    [InlineData("Authentication-Results: elsewhere.test; spf=pass (mx.relay.test)\r\n", false)]
    [InlineData("Authentication-Results: (mx.relay.test; none\r\n", false)]
    [InlineData("Authentication-Results:\r\n", false)]
    public async Task Nobody_says_in_our_name_who_they_are(string field, bool isOurs)
    {
        using var gate = await new GateUnderTest(settings: ("HostName", "mx.relay.test")).WithDomainAsync();

        var message = await gate.AdmittedAsync($"{field}{Rest}\r\nbody\r\n");

        Assert.Equal($"{(isOurs ? "" : field)}{Rest}\r\nbody\r\n", GateUnderTest.TextOf(message.Content.Head));
    }

    [Fact]
    public async Task Mail_by_HTTP_and_our_own_reports_are_left_alone()
    {
        using var gate = await new GateUnderTest().WithDomainAsync();

        var message = await gate.AdmittedAsync($"Return-Path: <a@shop.test>\r\n{Rest}\r\n", submission => submission with { Source = MessageSource.Report });

        Assert.StartsWith("Return-Path", GateUnderTest.TextOf(message.Content.Head), StringComparison.Ordinal);
    }
}
