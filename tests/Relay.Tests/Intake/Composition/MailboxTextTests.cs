using Relay.Intake.Composition;

namespace Relay.Tests.Intake.Composition;

public sealed class MailboxTextTests
{
    [Theory]
    [InlineData("a@there.test", "", "a@there.test")]
    [InlineData("  a@there.test ", "", "a@there.test")]
    [InlineData("<a@there.test>", "", "a@there.test")]
    [InlineData("Jane Doe <a@there.test>", "Jane Doe", "a@there.test")]
    [InlineData("Grüße<a@there.test>", "Grüße", "a@there.test")]
    [InlineData("\"Doe, Jane\" <a@there.test>", "Doe, Jane", "a@there.test")]
    [InlineData("\"a \\\"b\\\" c\" <a@there.test>", "a \"b\" c", "a@there.test")]
    [InlineData("\"a b\"@there.test", "", "\"a b\"@there.test")]
    [InlineData("J <\"a b\"@there.test>", "J", "\"a b\"@there.test")]
    [InlineData("info@bücher.test", "", "info@bücher.test")]
    public void An_address_is_read_with_its_name(string text, string name, string address)
    {
        Assert.True(MailboxText.TryRead(text, out var mailbox, out _));
        Assert.Equal(name, mailbox.Name);
        Assert.Equal(address, mailbox.Address.Text);
    }

    [Theory]
    [InlineData("")]
    [InlineData("there.test")]
    [InlineData("a@there.test, b@there.test")]
    [InlineData("a@there.test, B <b@there.test>")]
    [InlineData("Doe, Jane <a@there.test>")]
    [InlineData("A <a@there.test> <b@there.test>")]
    [InlineData("\"a\" b\" <a@there.test>")]
    [InlineData("A <a@there.test")]
    [InlineData("A a@there.test>")]
    [InlineData("A\r\nBcc: x <a@there.test>")]
    [InlineData("A\u2028B <a@there.test>")]
    [InlineData("a\r\n@there.test")]
    [InlineData("a\0@there.test")]
    [InlineData("\"a\r\nb\"@there.test")]
    [InlineData("@a,@b:u@x.test")]
    public void What_is_not_one_address_is_refused_rather_than_cut(string text)
    {
        Assert.False(MailboxText.TryRead(text, out _, out var problem));
        Assert.NotEmpty(problem);
    }
}
