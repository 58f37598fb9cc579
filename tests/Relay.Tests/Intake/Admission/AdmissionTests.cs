using System.Diagnostics;
using Relay.Intake.Admission;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Smtp.Addresses;

namespace Relay.Tests.Intake.Admission;

public sealed class AdmissionTests
{
    private const string Mail = "From: Shop <a@shop.test>\r\nDate: Sun, 01 Mar 2026 11:00:00 +0000\r\nMessage-ID: <one@shop.test>\r\nSubject: Hi\r\n\r\nbody\r\n";

    [Theory]
    [InlineData("TLS-Required: No\r\n", TlsDemand.Policy, TlsDemand.Waived)]
    [InlineData("tls-required:\r\n\tno \r\n", TlsDemand.Policy, TlsDemand.Waived)]
    [InlineData("TLS-Required: Yes\r\n", TlsDemand.Policy, TlsDemand.Policy)]
    [InlineData("TLS-Required: No\r\nTLS-Required: No\r\n", TlsDemand.Policy, TlsDemand.Policy)]
    [InlineData("TLS-Required: No\r\n", TlsDemand.RequireTls, TlsDemand.RequireTls)]
    public async Task A_header_may_waive_what_the_destination_demands_but_not_what_the_envelope_does(string field, TlsDemand asked, TlsDemand kept)
    {
        using var gate = await new GateUnderTest().WithDomainAsync();

        var message = await gate.AdmittedAsync($"From: a@shop.test\r\n{field}\r\nbody", s => s with { Envelope = s.Envelope with { Tls = asked } });

        Assert.Equal(kept, message.Envelope.Tls);
    }

    [Fact]
    public async Task A_complete_message_is_kept_to_the_octet_with_our_trace_on_top()
    {
        using var gate = await new GateUnderTest().WithDomainAsync();

        var message = await gate.AdmittedAsync(Mail);

        Assert.Same(message, Assert.Single(gate.Queue.Accepted));
        Assert.Equal("Received: from client by relay\r\n", GateUnderTest.TextOf(message.Content.Prologue));
        Assert.Equal(Mail, GateUnderTest.TextOf(message.Content.Head));
        Assert.Equal(Mail.Length + 32, message.Content.Length);
        Assert.Equal("one@shop.test", message.MessageIdHeader);
        Assert.Equal("Shop <a@shop.test>", message.From);
        Assert.Equal("Hi", message.Subject);
        Assert.Equal("shop", message.Account);
        Assert.Equal("key_1", message.Credential);
        Assert.Equal(gate.Time.GetUtcNow(), message.AcceptedAt);
    }

    [Fact]
    public async Task A_missing_Date_and_Message_ID_are_added_on_top()
    {
        using var gate = await new GateUnderTest().WithDomainAsync("xn--bcher-kva.test");

        var message = await gate.AdmittedAsync(
            "From: a@bücher.test\r\n\r\nbody\r\n",
            submission => submission with { Envelope = submission.Envelope with { Sender = null } });

        Assert.Equal(
            $"Received: from client by relay\r\nDate: Sun, 01 Mar 2026 12:00:00 +0000\r\nMessage-ID: <{message.Id}@xn--bcher-kva.test>\r\n",
            GateUnderTest.TextOf(message.Content.Prologue));
        Assert.Equal($"{message.Id}@xn--bcher-kva.test", message.MessageIdHeader);
        Assert.Equal(message.Content.Prologue.Length + message.Content.Head.Length, message.Content.Length);
    }

    [Theory]
    [InlineData("=?utf-8?B?R3LDvMOfZQ==?=", "Grüße")]
    [InlineData("Grüße", "Grüße")]
    [InlineData("one\r\n two", "one two")]
    [InlineData("=?utf-8?q?a=0D=0AX-Evil:_1?=", "a  X-Evil: 1")]
    [InlineData("  plain  ", "plain")]
    [InlineData("", "")]
    public async Task A_subject_is_decoded_for_people_onto_one_line(string given, string shown)
    {
        using var gate = await new GateUnderTest().WithDomainAsync();

        Assert.Equal(shown, (await gate.AdmittedAsync($"From: a@shop.test\r\nSubject: {given}\r\n\r\n")).Subject);
    }

    [Fact]
    public async Task A_subject_without_end_is_shown_to_its_998th_character()
    {
        using var gate = await new GateUnderTest().WithDomainAsync();

        Assert.Equal(998, (await gate.AdmittedAsync($"From: a@shop.test\r\nSubject: {new string('x', 100_000)}\r\n\r\n")).Subject.Length);
        Assert.Equal(998, (await gate.AdmittedAsync($"From: a@shop.test\r\nSubject: {new string('ü', 100_000)}\r\n\r\n")).Subject.Length);
    }

    [Fact]
    public async Task Eight_bits_in_the_header_are_told_from_those_in_the_body()
    {
        using var gate = await new GateUnderTest().WithDomainAsync();

        var body = await gate.AdmittedAsync("From: a@shop.test\r\n\r\nGrüße\r\n");
        var header = await gate.AdmittedAsync("From: a@shop.test\r\nSubject: Grüße\r\n\r\n");

        Assert.True(body.Content is { HasEightBit: true, HasEightBitHeader: false });
        Assert.True(header.Content is { HasEightBit: true, HasEightBitHeader: true });
    }

    [Fact]
    public async Task Whoever_is_named_twice_gets_one_copy_and_every_notice_asked_for()
    {
        using var gate = await new GateUnderTest().WithDomainAsync();
        static Recipient To(string address, DsnNotify? notify) => new() { Address = EnvelopeAddress.Parse(address), Notify = notify };

        var message = await gate.AdmittedAsync(Mail, submission => submission with
        {
            Envelope = submission.Envelope with
            {
                Recipients =
                [
                    To("a@there.test", DsnNotify.Never), To("b@there.test", null), To("a@THERE.test", null),
                    To("A@there.test", DsnNotify.Delay), To("b@there.test", null), To("A@there.test", DsnNotify.Success),
                ],
            },
        });

        Assert.Equal(["a@there.test", "b@there.test", "A@there.test"], message.Envelope.Recipients.Select(r => r.Address.Text));
        Assert.Equal([DsnNotify.Failure, null, DsnNotify.Delay | DsnNotify.Success], message.Envelope.Recipients.Select(r => r.Notify));
    }

    [Fact]
    public async Task Failures_are_reported_for_SMTP_with_a_sender_where_the_key_wants_it()
    {
        using var gate = await new GateUnderTest().WithDomainAsync();

        Assert.True((await gate.AdmittedAsync(Mail)).ReportsFailures);
        Assert.False((await gate.AdmittedAsync(Mail, s => s with { Source = MessageSource.Http })).ReportsFailures);
        Assert.False((await gate.AdmittedAsync(Mail, s => s with { Envelope = s.Envelope with { Sender = null } })).ReportsFailures);
        Assert.False((await gate.AdmittedAsync(Mail, s => s with { Credential = s.Credential with { BounceMail = false } })).ReportsFailures);
    }

    [Fact]
    public async Task A_message_to_nobody_is_refused()
    {
        using var gate = await new GateUnderTest().WithDomainAsync();

        Assert.Equal(RefusalReason.NoRecipients, (await gate.RefusedAsync(Mail, s => s with { Envelope = s.Envelope with { Recipients = [] } })).Reason);
    }

    [Fact]
    public async Task A_full_store_and_one_that_is_away_are_two_refusals()
    {
        using var gate = await new GateUnderTest().WithDomainAsync();

        gate.Queue.Refusal = new EnqueueResult.StoreFull("80 %");
        Assert.Equal(RefusalReason.StoreFull, (await gate.RefusedAsync(Mail)).Reason);

        gate.Queue.Refusal = new EnqueueResult.StoreUnavailable("away");
        Assert.Equal(RefusalReason.StoreUnavailable, (await gate.RefusedAsync(Mail)).Reason);
    }

    [Fact]
    public async Task What_differs_only_behind_the_first_octets_is_no_repetition()
    {
        using var gate = await new GateUnderTest().WithDomainAsync();
        var mail = "Idempotency-Key: order-1\r\n" + Mail;
        Func<Submission, Submission> Large(byte hash) => s => s with { Chunks = 1, Length = 1_000_000, BodyHash = Enumerable.Repeat(hash, 32).ToArray() };

        await gate.AdmittedAsync(mail, Large(1));

        Assert.IsType<AdmissionResult.Replayed>(await gate.AdmitAsync(mail, Large(1)));
        Assert.Equal(RefusalReason.IdempotencyMismatch, (await gate.RefusedAsync(mail, Large(2))).Reason);
    }

    [Fact]
    public async Task An_Idempotency_Key_in_the_header_makes_a_repetition_one_message()
    {
        using var gate = await new GateUnderTest().WithDomainAsync();
        var mail = "Idempotency-Key: order-1\r\n" + Mail;

        var first = await gate.AdmittedAsync(mail);
        var second = await gate.AdmitAsync(mail);
        var other = await gate.RefusedAsync(mail + "more\r\n");
        var otherRecipient = await gate.RefusedAsync(mail, s => s with { Envelope = GateUnderTest.Envelope("x@there.test") });

        Assert.Equal(first.Id, Assert.IsType<AdmissionResult.Replayed>(second).First);
        Assert.Equal(RefusalReason.IdempotencyMismatch, other.Reason);
        Assert.Equal(RefusalReason.IdempotencyMismatch, otherRecipient.Reason);
        Assert.Single(gate.Queue.Accepted);
    }

    [Theory]
    [InlineData("Idempotency-Key: \r\n")]
    [InlineData("Idempotency-Key: a b\r\n")]
    [InlineData("Idempotency-Key: a\r\nIdempotency-Key: b\r\n")]
    public async Task A_key_that_is_none_is_refused(string header)
    {
        using var gate = await new GateUnderTest().WithDomainAsync();

        Assert.Equal(RefusalReason.HeaderInvalid, (await gate.RefusedAsync(header + Mail)).Reason);
    }

    [Fact]
    public void The_id_of_a_repeated_mail_falls_in_the_slot_of_its_key()
    {
        using var gate = new GateUnderTest();
        var head = "From: a@shop.test\r\nIDEMPOTENCY-key: order-1\r\n\r\n"u8.ToArray();

        var slots = Enumerable.Range(0, 20).Select(_ => gate.Gate.CreateId(gate.Credential, head).Slot).Distinct();
        var free = Enumerable.Range(0, 20).Select(_ => gate.Gate.CreateId(gate.Credential, "From: a@shop.test\r\n\r\n"u8.ToArray()).Slot).Distinct();

        Assert.Equal([new IdempotencyKey("order-1", "").SlotFor("shop")], slots);
        Assert.True(free.Count() > 1);
    }

    [Fact]
    public async Task The_trace_of_the_request_goes_with_the_message()
    {
        using var gate = await new GateUnderTest().WithDomainAsync();
        using var request = new Activity("request").SetIdFormat(ActivityIdFormat.W3C).Start();

        var message = await gate.AdmittedAsync(Mail);

        Assert.Contains(request.TraceId.ToString(), message.TraceParent, StringComparison.Ordinal);
    }
}
