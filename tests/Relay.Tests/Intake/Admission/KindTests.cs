using Relay.Intake.Admission;
using Relay.Mail.Messages;

namespace Relay.Tests.Intake.Admission;

/// <summary>What kind of mail a message is, and of which stream.</summary>
public sealed class KindTests
{
    [Theory]
    [InlineData("", MessageClass.Transactional, null)]
    [InlineData("Relay-Class: bulk\r\n", MessageClass.Bulk, "bulk")]
    [InlineData("relay-class:\r\n bulk \r\nRelay-Stream: news.2026\r\n", MessageClass.Bulk, "news.2026")]
    [InlineData("Relay-Class: transactional\r\nRELAY-STREAM: receipts\r\n", MessageClass.Transactional, "receipts")]
    public async Task SMTP_mail_says_it_in_its_header_which_stays_as_it_is(string fields, MessageClass @class, string? stream)
    {
        using var gate = await new GateUnderTest().WithDomainAsync();

        var message = await gate.AdmittedAsync($"From: a@shop.test\r\n{fields}\r\nbody");

        Assert.Equal((@class, stream), (message.Class, message.Stream));
        Assert.Equal($"From: a@shop.test\r\n{fields}\r\nbody", GateUnderTest.TextOf(message.Content.Head));
    }

    [Theory]
    [InlineData("Relay-Class: newsletter\r\n", "Relay-Class")]
    [InlineData("Relay-Class: bulk\r\nRelay-Class: bulk\r\n", "Relay-Class")]
    [InlineData("Relay-Stream: My News\r\n", "Relay-Stream")]
    [InlineData("Relay-Stream:\r\n", "Relay-Stream")]
    [InlineData("Relay-Stream: a\r\nRelay-Stream: b\r\n", "Relay-Stream")]
    public async Task What_nobody_can_understand_is_refused_and_not_guessed(string fields, string name)
    {
        using var gate = await new GateUnderTest().WithDomainAsync();

        var refusal = await gate.RefusedAsync($"From: a@shop.test\r\n{fields}\r\nbody");

        Assert.Equal(RefusalReason.HeaderInvalid, refusal.Reason);
        Assert.Contains(name, refusal.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Mail_that_came_by_HTTP_is_what_the_request_says_and_not_its_header()
    {
        using var gate = await new GateUnderTest().WithDomainAsync();

        var message = await gate.AdmittedAsync(
            "From: a@shop.test\r\nRelay-Class: bulk\r\n\r\nbody", submission => submission with { Source = MessageSource.Http, Stream = "receipts" });

        Assert.Equal((MessageClass.Transactional, "receipts"), (message.Class, message.Stream));
    }
}
