using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Smtp.Addresses;

namespace Relay.Tests.Mail.Queue;

public sealed class UnitTests
{
    [Fact]
    public void Recipients_of_one_domain_travel_together()
    {
        var units = Unit.Of(MessageTo("a@x.test", "b@y.test", "c@X.test"));

        Assert.Equal(2, units.Count);
        Assert.Equal([0, 2], units[0].Recipients);
        Assert.Equal("x.test", units[0].Lane.Domain);
        Assert.Equal([1], units[1].Recipients);
        Assert.Equal(1, units[1].Id.Number);
    }

    [Fact]
    public void More_recipients_than_one_transaction_takes_are_more_units()
    {
        var units = Unit.Of(MessageTo([.. Enumerable.Range(0, 250).Select(i => $"u{i}@x.test")]));

        Assert.Equal([100, 100, 50], units.Select(u => u.Recipients.Count));
        Assert.Equal(Enumerable.Range(0, 250), units.SelectMany(u => u.Recipients));
        Assert.Equal([0, 1, 2], units.Select(u => u.Id.Number));
    }

    [Theory]
    [InlineData(MessageClass.Transactional)]
    [InlineData(MessageClass.Bulk)]
    [InlineData(MessageClass.Inbound)]
    public void Names_survive_their_written_form(MessageClass @class)
    {
        var unit = Unit.Of(MessageTo("a@[192.0.2.1]") with { Class = @class })[0];

        Assert.True(UnitId.TryParse(unit.Id.ToString(), out var id));
        Assert.Equal(unit.Id, id);
        Assert.True(Lane.TryParse(unit.Lane.ToString(), out var lane));
        Assert.Equal(unit.Lane, lane);
    }

    [Theory]
    [InlineData("x.test|default")]
    [InlineData("x.test|default|z")]
    [InlineData("x.test|default|t|t")]
    [InlineData(null)]
    public void What_is_not_a_lane_is_refused(string? text) => Assert.False(Lane.TryParse(text, out _));

    [Theory]
    [InlineData("x/0")]
    [InlineData("01f8bc1k9p2m3n4q5r6s7t8v9w")]
    [InlineData("01f8bc1k9p2m3n4q5r6s7t8v9w/-1")]
    [InlineData("01f8bc1k9p2m3n4q5r6s7t8v9w/ 1")]
    [InlineData(null)]
    public void What_is_not_a_unit_is_refused(string? text) => Assert.False(UnitId.TryParse(text, out _));

    private static Message MessageTo(params string[] recipients) => new()
    {
        Id = MessageId.Create(TimeProvider.System),
        Account = "default",
        Credential = "c",
        Source = MessageSource.Http,
        AcceptedAt = DateTimeOffset.UnixEpoch,
        Envelope = new Envelope { Recipients = [.. recipients.Select(r => new Recipient { Address = EnvelopeAddress.Parse(r) })] },
        Content = new MessageContent { Prologue = default, Head = default, Length = 0 },
    };
}
