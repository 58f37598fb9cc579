using Relay.Mail.Events;
using Relay.TestKit;

namespace Relay.Tests.Mail.Events;

/// <summary>Who asks what became of a mail reads <c>ops/guide/sending.md</c>: it explains each kind of event that comes.</summary>
public sealed class DescribedEventsTests
{
    // On the front page they stand under what is not there yet.
    private static readonly MailEventType[] NotYet = [MailEventType.Rejected, MailEventType.Opened, MailEventType.Clicked];

    [Fact]
    public void Each_kind_of_event_is_explained()
    {
        var explained = Guides.Rows("sending.md").SelectMany(row => Guides.Code(row[0])).ToHashSet();

        Assert.All(Enum.GetValues<MailEventType>().Except(NotYet), type => Assert.Contains(type.ToString().ToLowerInvariant(), explained));
    }
}
