using Relay.Intake.Admission;
using Relay.Mail.Queue;

namespace Relay.Tests.Intake.Admission;

/// <summary>Where it is wanted, mail over SMTP whose client did not hear our 250 is known again when it comes a second time.</summary>
public sealed class RepeatTests
{
    private const string Mail = "From: a@shop.test\r\nMessage-ID: <1@shop.test>\r\nSubject: Hi\r\n\r\nhello\r\n";

    private static readonly TimeSpan Window = TimeSpan.FromMinutes(15);

    [Fact]
    public async Task The_same_mail_is_answered_as_the_first_and_enqueued_once()
    {
        using var gate = await new GateUnderTest().WithDomainAsync();

        var first = await gate.AdmittedAsync(Mail, To("b@there.test", "c@there.test"));
        var again = await gate.AdmitAsync("Received: from elsewhere\r\n" + Mail, To("c@there.test", "b@there.test"));

        Assert.Equal(first.Id, Assert.IsType<AdmissionResult.Replayed>(again).First);
        Assert.Single(gate.Queue.Accepted);
    }

    [Fact]
    public async Task Another_mail_is_another_mail()
    {
        using var gate = await new GateUnderTest().WithDomainAsync();
        await gate.AdmittedAsync(Mail, To("b@there.test"));

        await gate.AdmittedAsync(Mail, To("b@there.test", "c@there.test"));
        await gate.AdmittedAsync(Mail + "more\r\n", To("b@there.test"));
        await gate.AdmittedAsync(Mail.Replace("<1@", "<2@", StringComparison.Ordinal), To("b@there.test"));
        gate.Credential = gate.Credential with { Id = "key_2" };
        await gate.AdmittedAsync(Mail, To("b@there.test"));

        Assert.Equal(5, gate.Queue.Accepted.Count);
    }

    [Fact]
    public async Task What_comes_later_than_that_is_sent_again()
    {
        using var gate = await new GateUnderTest().WithDomainAsync();
        await gate.AdmittedAsync(Mail, To("b@there.test"));

        gate.Time.Advance(Window - TimeSpan.FromSeconds(1));
        Assert.IsType<AdmissionResult.Replayed>(await gate.AdmitAsync(Mail, To("b@there.test")));
        gate.Time.Advance(TimeSpan.FromSeconds(2));

        await gate.AdmittedAsync(Mail, To("b@there.test"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("Message-ID:\r\n")]
    [InlineData("Message-ID: \r\n")]
    [InlineData("Message-ID: <1@shop.test>\r\nMessage-ID: <1@shop.test>\r\n")]
    public async Task What_has_no_Message_ID_of_its_own_is_known_by_nothing(string ids)
    {
        using var gate = await new GateUnderTest().WithDomainAsync();
        var mail = $"From: a@shop.test\r\n{ids}Subject: Hi\r\n\r\nhello\r\n";

        var first = await gate.AdmitAsync(mail, To("b@there.test"));
        var second = await gate.AdmitAsync(mail, To("b@there.test"));

        Assert.IsNotType<AdmissionResult.Replayed>(second);
        Assert.Equal(first.GetType(), second.GetType());
    }

    [Fact]
    public async Task Unless_it_is_wanted_each_is_sent()
    {
        using var gate = await new GateUnderTest().WithDomainAsync();

        await gate.AdmittedAsync(Mail);
        await gate.AdmittedAsync(Mail);
    }

    [Fact]
    public async Task A_key_of_the_clients_own_counts_before_it()
    {
        using var gate = await new GateUnderTest().WithDomainAsync();
        var mail = "Idempotency-Key: order-1\r\n" + Mail;
        await gate.AdmittedAsync(mail, To("b@there.test"));

        gate.Time.Advance(TimeSpan.FromHours(23));

        Assert.IsType<AdmissionResult.Replayed>(await gate.AdmitAsync(mail, To("b@there.test")));
        Assert.Equal(RefusalReason.IdempotencyMismatch, (await gate.RefusedAsync(mail + "more\r\n", To("b@there.test"))).Reason);
    }

    /// <summary>On a cluster both stand on one shard then; the id is needed before the body has come.</summary>
    [Fact]
    public void Its_id_falls_in_the_slot_of_its_key_as_the_header_alone_tells()
    {
        using var gate = new GateUnderTest();
        var submission = gate.Submission(Mail) with { RepeatsWithin = Window };
        Assert.True(Relay.Intake.Composition.HeaderBlock.TryRead(submission.Head, isWhole: true, out var header, out _));

        var slots = Enumerable.Range(0, 20).Select(_ => gate.Gate.CreateId(gate.Credential, submission.Head, mayRepeat: true).Slot).Distinct();

        Assert.Equal([Repeats.KeyOf(submission, header)!.SlotFor("shop")], slots);
    }

    private static Func<Submission, Submission> To(params string[] recipients) =>
        submission => submission with { Envelope = GateUnderTest.Envelope(recipients), RepeatsWithin = Window };
}
