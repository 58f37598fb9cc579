using Microsoft.Extensions.Time.Testing;
using Relay.Mail.Bounces;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Tests.Redis;

namespace Relay.Tests.Mail.Queue;

public sealed class AskedEndTests
{
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UtcNow);
    private readonly Recorded _reports = new();

    [Theory]
    [InlineData(AskKind.Bounce, MailEventType.Bounced, 1)]
    [InlineData(AskKind.Cancel, MailEventType.Cancelled, 0)]
    public void A_bounce_is_reported_to_the_sender_and_a_cancel_is_not(AskKind kind, MailEventType type, int reports)
    {
        var settlement = AskedEnd.Of(LeaseOf(TestMail.To(_time, "a@x.test")), Ask(kind), _reports, _time.GetUtcNow());

        Assert.Equal(type, Assert.Single(settlement.Events).Type);
        Assert.Null(settlement.Next);
        Assert.Equal(reports, settlement.Reports.Count);
        Assert.Equal(reports == 0 ? null : "5.7.1: gone", _reports.Last);
    }

    [Fact]
    public void Only_recipients_still_open_end()
    {
        var lease = LeaseOf(TestMail.To(_time, "a@x.test", "b@x.test")) with
        {
            State = new UnitState { Attempts = 1, Open = [new OpenRecipient(1, "451 later")] },
        };

        var settlement = AskedEnd.Of(lease, Ask(AskKind.Bounce), null, _time.GetUtcNow());

        Assert.Equal("b@x.test", Assert.Single(settlement.Events).Recipient);
        Assert.Null(settlement.Events[0].MayHaveBeenDelivered);
        Assert.Empty(settlement.Reports);
    }

    [Fact]
    public void Only_who_may_have_got_it_is_told_of_as_such()
    {
        var lease = LeaseOf(TestMail.To(_time, "a@x.test", "b@x.test")) with
        {
            State = new UnitState
            {
                Attempts = 1,
                UncertainHost = "mx.x.test",
                Open = [new OpenRecipient(0, "451 later"), new OpenRecipient(1, "connection lost") { MayHaveBeenDelivered = true }],
            },
        };

        var settlement = AskedEnd.Of(lease, Ask(AskKind.Cancel), null, _time.GetUtcNow());

        Assert.Equal([null, true], settlement.Events.Select(e => e.MayHaveBeenDelivered));
    }

    [Fact]
    public void What_nobody_heard_the_end_of_may_have_been_delivered()
    {
        var lease = LeaseOf(TestMail.To(_time, "a@x.test")) with { Unheard = new UnheardAttempt("mx.x.test", _time.GetUtcNow()) };

        Assert.True(AskedEnd.Of(lease, Ask(AskKind.Cancel), null, _time.GetUtcNow()).Events[0].MayHaveBeenDelivered);
    }

    private QueueAsk Ask(AskKind kind) => new()
    {
        Id = "ask_1", Kind = kind, Selector = new QueueSelector { Domain = "x.test" }, Reason = "gone", By = "admin", AskedAt = _time.GetUtcNow(),
    };

    private static Lease LeaseOf(Message message) => new() { Unit = Unit.Of(message)[0], Message = message };

    private sealed class Recorded : IFailureReports
    {
        public string? Last { get; private set; }

        public Message? Compose(Message original, IReadOnlyList<FailedRecipient> failures)
        {
            Last = $"{failures[0].Status}: {failures[0].Reply}";
            return original;
        }

        public Message? ComposeRelayed(Message original, IReadOnlyList<RelayedRecipient> relayed) => throw new NotSupportedException();
    }
}
