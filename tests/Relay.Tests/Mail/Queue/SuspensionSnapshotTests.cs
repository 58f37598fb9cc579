using Relay.Mail.Messages;
using Relay.Mail.Queue;

namespace Relay.Tests.Mail.Queue;

public sealed class SuspensionSnapshotTests
{
    private static readonly MessageId Message = MessageId.Create(TimeProvider.System);
    private static readonly Lane Lane = new("x.test", "acme", MessageClass.Bulk);

    [Fact]
    public void Every_combination_of_account_domain_and_class_is_found_by_the_lanes_that_it_covers_and_no_other()
    {
        foreach (var domain in (string?[])[null, "x.test", "y.test"])
        {
            foreach (var account in (string?[])[null, "acme", "other"])
            {
                foreach (var @class in (MessageClass?[])[null, MessageClass.Bulk, MessageClass.Transactional])
                {
                    var selector = new QueueSelector { Domain = domain, Account = account, Class = @class };
                    var covers = domain is not "y.test" && account is not "other" && @class is not MessageClass.Transactional && !selector.IsEmpty;

                    Assert.Equal(covers, Of(selector).Find(Lane) is not null);
                    Assert.Equal(covers, Of(selector).Find(Lane, Message) is not null);
                }
            }
        }
    }

    [Fact]
    public void A_suspended_message_suspends_no_lane_and_no_other_message()
    {
        var snapshot = Of(new QueueSelector { Message = Message });

        Assert.Null(snapshot.Find(Lane));
        Assert.NotNull(snapshot.Find(Lane, Message));
        Assert.Null(snapshot.Find(Lane, MessageId.Create(TimeProvider.System)));
    }

    [Fact]
    public void A_message_suspended_for_one_domain_flows_to_the_others()
    {
        var snapshot = Of(new QueueSelector { Message = Message, Domain = "x.test" });

        Assert.NotNull(snapshot.Find(Lane, Message));
        Assert.Null(snapshot.Find(Lane with { Domain = "y.test" }, Message));
    }

    [Fact]
    public void A_selector_that_names_nothing_suspends_nothing() => Assert.Null(Of(new QueueSelector()).Find(Lane, Message));

    private static SuspensionSnapshot Of(params QueueSelector[] selectors) => new([.. selectors.Select(selector => new Suspension
    {
        Id = "sus_1", Selector = selector, Reason = "maintenance", By = "admin", CreatedAt = DateTimeOffset.UnixEpoch,
    })]);
}
