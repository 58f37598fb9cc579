using System.Text;
using Relay.Intake.Admission;

namespace Relay.Tests.Intake.Admission;

public sealed class HeaderRulesTests
{
    [Theory]
    [InlineData("From")]
    [InlineData("Sender")]
    [InlineData("Reply-To")]
    [InlineData("To")]
    [InlineData("Cc")]
    [InlineData("Subject")]
    [InlineData("Date")]
    [InlineData("Message-ID")]
    public async Task What_may_stand_once_is_refused_twice(string name)
    {
        using var gate = await new GateUnderTest().WithDomainAsync();
        var first = name == "From" ? "" : "From: a@shop.test\r\n";

        var refusal = await gate.RefusedAsync($"{first}{name}: a@shop.test\r\n{name.ToUpperInvariant()}: b@shop.test\r\n\r\n");

        Assert.Equal(RefusalReason.HeaderInvalid, refusal.Reason);
        Assert.Equal($"the header has more than one {name} field", refusal.Text);
    }

    [Theory]
    [InlineData("Subject: x\r\n\r\nFrom: a@shop.test\r\n", "the header has no From field")]
    [InlineData("\r\nFrom: a@shop.test\r\n", "the header has no From field")]
    [InlineData("", "the header has no From field")]
    [InlineData("From:\r\n\r\n", "the From field is not a list of addresses like Name <user@example.com>")]
    [InlineData("From: undisclosed:;\r\n\r\n", "the From field is not a list of addresses like Name <user@example.com>")]
    [InlineData("From: Group: a@shop.test;\r\n\r\n", "the From field is not a list of addresses like Name <user@example.com>")]
    [InlineData("From: <a@shop.test> <ceo@bank.test>\r\n\r\n", "the From field is not a list of addresses like Name <user@example.com>")]
    [InlineData("From: ceo@bank.test <a@shop.test>\r\n\r\n", "the From field is not a list of addresses like Name <user@example.com>")]
    [InlineData("From: <@bank.test:a@shop.test>\r\n\r\n", "the From field is not a list of addresses like Name <user@example.com>")]
    [InlineData("From: \"unterminated <a@shop.test>\r\n\r\n", "the From field is not a list of addresses like Name <user@example.com>")]
    [InlineData("From: a@shop.test\r\nSender: a@shop.test, b@shop.test\r\n\r\n", "the Sender field is not one address like Name <user@example.com>")]
    [InlineData(" folded\r\nFrom: a@shop.test\r\n\r\n", "the first line of the header is not a field")]
    [InlineData("From: a@shop.test\r\nno colon here\r\n\r\n", "line 2 of the header is not a field; an empty line ends the header")]
    [InlineData("From: a@shop.test\r\nbad name: x\r\n\r\n", "line 2 of the header is not a field; an empty line ends the header")]
    [InlineData("From: a@shop.test\r\n: x\r\n\r\n", "line 2 of the header is not a field; an empty line ends the header")]
    public async Task A_header_that_two_readers_could_take_two_ways_is_refused_in_clear_words(string content, string text)
    {
        using var gate = await new GateUnderTest().WithDomainAsync();

        var refusal = await gate.RefusedAsync(content);

        Assert.Equal(RefusalReason.HeaderInvalid, refusal.Reason);
        Assert.Equal(text, refusal.Text);
    }

    [Theory]
    [InlineData("From: a@shop.test")]
    [InlineData("From: <a@shop.test>")]
    [InlineData("From: Shop <a@shop.test>")]
    [InlineData("From: John Q. Public <a@shop.test>")]
    [InlineData("From: \"Doe, John\" <a@shop.test>")]
    [InlineData("From: \"ceo@bank.test\" <a@shop.test>")]
    [InlineData("From: \"a \\\"b\\\"\" <a@shop.test>")]
    [InlineData("From: =?utf-8?q?Gr=C3=BC=C3=9Fe?= <a@shop.test>")]
    [InlineData("From: Grüße <a@shop.test>")]
    [InlineData("From: a@shop.test (Shop)")]
    [InlineData("From: Shop (the web\r\n one) <a@shop.test>")]
    [InlineData("From: \"a b\"@shop.test")]
    [InlineData("FROM:a@shop.test")]
    public async Task What_people_and_programs_write_is_taken(string header)
    {
        using var gate = await new GateUnderTest().WithDomainAsync();

        await gate.AdmittedAsync(header + "\r\n\r\nbody\r\n");
    }

    [Fact]
    public async Task A_hundred_hosts_are_a_journey_and_one_more_is_a_loop()
    {
        using var gate = await new GateUnderTest().WithDomainAsync();
        static string Passed(int hosts) => string.Concat(Enumerable.Repeat("Received: by x\r\n", hosts)) + "From: a@shop.test\r\n\r\n";

        await gate.AdmittedAsync(Passed(100));
        Assert.Equal(RefusalReason.Looping, (await gate.RefusedAsync(Passed(101))).Reason);
    }

    [Fact]
    public async Task A_header_that_does_not_end_within_the_head_is_too_large()
    {
        using var gate = await new GateUnderTest().WithDomainAsync();
        var line = "From: a@shop.test\r\nX: " + new string('x', 200_000) + "\r\n";

        var refusal = await gate.RefusedAsync(line, submission => submission with { Chunks = 1, Length = 1_000_000 });

        Assert.Equal("the header is too large", refusal.Text);
    }

    [Fact]
    public async Task A_hundred_thousand_fields_are_read_once_each()
    {
        using var gate = await new GateUnderTest().WithDomainAsync();
        var header = new StringBuilder("From: a@shop.test\r\n");
        for (var i = 0; i < 100_000; i++)
        {
            header.Append("A:\r\n");
        }

        await gate.AdmittedAsync(header.Append("\r\n").ToString());
    }

    [Fact]
    public async Task Nested_comments_and_endless_authors_are_refused_unread()
    {
        using var gate = await new GateUnderTest().WithDomainAsync();

        foreach (var value in new[] { new string('(', 100_000), string.Join(", ", Enumerable.Repeat("a@shop.test", 10_000)), new string('"', 99_999) })
        {
            Assert.Equal(RefusalReason.HeaderInvalid, (await gate.RefusedAsync($"From: {value}\r\n\r\n")).Reason);
        }
    }
}
