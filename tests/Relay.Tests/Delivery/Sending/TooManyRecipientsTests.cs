using Relay.Mail.Events;
using Relay.TestKit.Remote;

namespace Relay.Tests.Delivery.Sending;

/// <summary>A remote that takes fewer recipients in a transaction than a message has, and says so at RCPT.</summary>
public sealed class TooManyRecipientsTests
{
    private const int Few = 10;

    [Theory]
    [InlineData("452 4.5.3 Too many recipients", false)]
    [InlineData("552 5.5.3 Too many recipients", false)]
    [InlineData("452 4.5.3 Too many recipients", true)]
    public async Task Gets_the_others_in_the_next_transactions_of_the_same_attempt(string reply, bool chunking)
    {
        var script = new RemoteScript().On(RemoteStage.Rcpt, m => RecipientsOf(m.Session) > Few ? RemoteAnswer.Say(reply) : null);
        if (chunking)
        {
            script.Capabilities.Add("CHUNKING");
        }

        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, ("Delivery:ConnectionsPerSite", 1));

        // By these a host that takes chunks has earned that whole messages leave in one flight.
        await delivery.SendAsync("first@remote.test");
        await delivery.SendAsync("second@remote.test");
        var events = await delivery.SendAsync([.. Enumerable.Range(0, 100).Select(i => $"a{i}@remote.test")]);

        Assert.All(events, e => Assert.Equal((MailEventType.Delivered, 1), (e.Type, e.Attempt)));
        Assert.Equal(Enumerable.Range(0, 100).Select(i => $"a{i}@remote.test").Order(), events.Select(e => e.Recipient).Order());
        Assert.Equal(3, delivery.Queue.Settlements.Count);
        Assert.Equal(Enumerable.Repeat(Few, 10), remote.Messages.Skip(2).Select(m => m.RcptTo.Count));
        Assert.Equal(100, remote.Messages.Skip(2).SelectMany(m => m.RcptTo).Distinct().Count());
        Assert.Single(remote.Sessions);
    }

    [Fact]
    public async Task Who_is_refused_for_good_among_them_bounces_once_and_the_rest_arrives()
    {
        var script = new RemoteScript().On(RemoteStage.Rcpt, m =>
            m.Line.Contains("<gone", StringComparison.Ordinal) ? RemoteAnswer.Say("550 5.1.1 No such user")
            : RecipientsOf(m.Session) > Few ? RemoteAnswer.Say("452 4.5.3 Too many recipients") : null);
        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        var events = await delivery.SendAsync([.. Enumerable.Range(0, 25).Select(i => i % 5 == 2 ? $"gone{i}@remote.test" : $"a{i}@remote.test")]);

        Assert.All(events, e => Assert.Equal(e.Recipient!.StartsWith("gone", StringComparison.Ordinal) ? MailEventType.Bounced : MailEventType.Delivered, e.Type));
        Assert.Equal((25, 25), (events.Count, events.Select(e => e.Recipient).Distinct().Count()));
        Assert.Equal(20, remote.Messages.Sum(m => m.RcptTo.Count));
    }

    [Fact]
    public async Task One_that_takes_none_at_all_is_asked_again_later()
    {
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().On(RemoteStage.Rcpt, "452 4.5.3 Too many recipients"));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        var events = await delivery.SendAsync("a@remote.test", "b@remote.test");

        Assert.All(events, e => Assert.Equal(MailEventType.Deferred, e.Type));
        Assert.Equal(1, remote.Sessions.Sum(s => s.Commands.Count(c => c.StartsWith("MAIL", StringComparison.Ordinal))));
    }

    // Of the transaction under way, the one at hand among them.
    private static int RecipientsOf(RemoteSession session) =>
        session.Commands.Reverse().TakeWhile(command => !command.StartsWith("MAIL", StringComparison.Ordinal)).Count(command => command.StartsWith("RCPT", StringComparison.Ordinal));
}
