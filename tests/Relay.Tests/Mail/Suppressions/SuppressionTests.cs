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

    [Theory]
    [InlineData(MailEventType.Complained, "news", SuppressionReason.Complaint, "news")]
    [InlineData(MailEventType.Complained, null, SuppressionReason.Complaint, null)]
    [InlineData(MailEventType.Unsubscribed, "news", SuppressionReason.Unsubscribe, "news")]
    [InlineData(MailEventType.Bounced, "news", SuppressionReason.Bounce, null)]
    public void Who_complains_or_unsubscribes_means_the_stream_and_a_mailbox_that_is_gone_is_gone_for_all(
        MailEventType type, string? stream, SuppressionReason reason, string? holds)
    {
        var suppression = Suppression.From(Blamed with { Type = type, Stream = stream });

        Assert.Equal((reason, holds), (suppression!.Reason, suppression.Stream));
        Assert.True(Suppression.MayFollow(type));
    }

    [Fact]
    public void Nothing_else_is()
    {
        Assert.Null(Suppression.From(Blamed with { Suppresses = null }));
        Assert.Null(Suppression.From(Blamed with { Type = MailEventType.Deferred }));
        Assert.Null(Suppression.From(Blamed with { Recipient = null }));
        Assert.Null(Suppression.From(Blamed with { Type = MailEventType.Complained, Suppresses = false }));
        Assert.Null(Suppression.From(Blamed with { Type = MailEventType.Unsubscribed, Suppresses = false }));
    }
}
