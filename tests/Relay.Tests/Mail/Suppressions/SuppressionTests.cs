using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Suppressions;

namespace Relay.Tests.Mail.Suppressions;

public sealed class SuppressionTests
{
    private static readonly MailEvent Blamed = new()
    {
        Time = DateTimeOffset.UnixEpoch,
        Type = MailEventType.Bounced,
        Message = MessageId.Create(TimeProvider.System),
        Account = "acme",
        Recipient = "Ada@X.test",
        Reply = "550 5.1.1 No such user",
        Rule = "code.5.1.1",
        Suppresses = true,
    };

    [Fact]
    public void A_bounce_that_blames_the_address_is_the_evidence() =>
        Assert.Equal(
            new Suppression
            {
                Address = "ada@x.test",
                Reason = SuppressionReason.Bounce,
                Since = Blamed.Time,
                Words = Blamed.Reply,
                Rule = Blamed.Rule,
                Message = Blamed.Message,
            },
            Suppression.From(Blamed));

    [Fact]
    public void Nothing_else_is()
    {
        Assert.Null(Suppression.From(Blamed with { Suppresses = null }));
        Assert.Null(Suppression.From(Blamed with { Type = MailEventType.Deferred }));
        Assert.Null(Suppression.From(Blamed with { Recipient = null }));
    }
}
