using Relay.Mail.Events;
using Relay.Mail.Messages;

namespace Relay.Tests.Mail.Events;

public sealed class MessageActivityTests
{
    private static readonly MessageId Id = MessageId.Create(TimeProvider.System);

    [Fact]
    public void A_recipient_stands_where_its_last_telling_event_left_it()
    {
        var activity = Activity(
            On("a@x.test", MailEventType.Deferred),
            On("a@x.test", MailEventType.Delivered),
            On("a@x.test", MailEventType.Opened),
            On("b@x.test", MailEventType.Uncertain));

        Assert.Equal(
            [RecipientState.Delivered, RecipientState.Deferred, RecipientState.Queued],
            activity.Recipients().Select(r => r.State));
    }

    [Fact]
    public void A_waiting_recipient_carries_the_event_that_says_why()
    {
        var status = Activity(On("a@x.test", MailEventType.Deferred)).Recipients()[0];

        Assert.Equal("451 4.3.0 busy", status.Last?.Reply);
    }

    private static MailEvent On(string recipient, MailEventType type) => new()
    {
        Time = DateTimeOffset.UnixEpoch,
        Type = type,
        Message = Id,
        Account = "default",
        Recipient = recipient,
        Reply = "451 4.3.0 busy",
    };

    private static MessageActivity Activity(params MailEvent[] events) => new(
        Id,
        new MessageSummary { MessageId = "m", From = "f", Subject = "s", Recipients = ["a@x.test", "b@x.test", "c@x.test"] },
        events);
}
