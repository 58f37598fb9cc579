using Relay.Mail.Events;
using Relay.TestKit.Remote;

namespace Relay.Tests.Delivery.Sending;

/// <summary>What the rules for refusals make of a message under way.</summary>
public sealed class VerdictTests
{
    [Theory]
    [InlineData(RemoteStage.Rcpt, "550 5.1.1 No such user", MailEventType.Bounced, "status.1.1")]
    [InlineData(RemoteStage.Rcpt, "550 User unknown", MailEventType.Bounced, "text.unknown-user")]
    [InlineData(RemoteStage.EndOfData, "554 5.7.1 Looks like spam", MailEventType.Bounced, "text.spam")]
    [InlineData(RemoteStage.Rcpt, "450 4.2.0 Greylisted, come again", MailEventType.Deferred, "text.greylisted")]
    [InlineData(RemoteStage.Rcpt, "450 5.1.1 User unknown", MailEventType.Deferred, "text.unknown-user")]
    [InlineData(RemoteStage.Mail, "554 5.7.1 Client host [192.0.2.1] blocked using zen.spamhaus.org", MailEventType.Deferred, "text.blocked")]
    [InlineData(RemoteStage.Greeting, "554 5.7.1 Go away", MailEventType.Deferred, "code.5.7")]
    [InlineData(RemoteStage.EndOfData, "550 5.7.28 Mail flood detected", MailEventType.Deferred, "status.7.28")]
    public async Task A_refusal_ends_as_its_rule_says_and_the_event_names_it(RemoteStage stage, string reply, MailEventType expected, string rule)
    {
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().On(stage, reply));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        var happened = Assert.Single(await delivery.SendAsync("a@remote.test"));

        Assert.Equal((expected, rule, reply), (happened.Type, happened.Rule, happened.Reply));
    }

    [Fact]
    public async Task A_block_of_our_address_is_put_off_and_whoever_runs_the_relay_is_told_once_an_hour()
    {
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().On(RemoteStage.Rcpt, "550 5.7.1 [192.0.2.1] is listed at zen.spamhaus.org"));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        int Told() => delivery.Log.Count(line => line.Contains("does not mend itself", StringComparison.Ordinal));

        for (var i = 0; i < 2; i++)
        {
            Assert.Equal(MailEventType.Deferred, (await delivery.SendAsync($"a{i}@remote.test"))[0].Type);
        }

        Assert.Equal(1, Told());
        Assert.Empty(delivery.Reports.Asked);

        delivery.Time.Advance(TimeSpan.FromMinutes(61));
        await delivery.SettledAsync(3);
        Assert.Equal(2, Told());
    }

    [Fact]
    public async Task A_wait_that_the_remote_names_is_kept()
    {
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().Once(RemoteStage.Rcpt, "450 4.2.0 Greylisted, try again in 300 seconds"));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        var before = delivery.Time.GetUtcNow();

        var deferred = Assert.Single(await delivery.SendAsync("a@remote.test"));

        Assert.InRange(deferred.NextAttempt!.Value - before, TimeSpan.FromSeconds(300), TimeSpan.FromSeconds(330));
    }

    [Fact]
    public async Task The_longest_wait_of_several_recipients_is_kept()
    {
        var script = new RemoteScript().On(RemoteStage.Rcpt, m => RemoteAnswer.Say(m.Count switch
        {
            1 => "450 4.2.0 Greylisted, try again in 10 minutes",
            2 => "450 4.2.0 Greylisted, try again in 2 minutes",
            _ => "451 4.3.0 Later",
        }));
        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        var before = delivery.Time.GetUtcNow();

        var events = await delivery.SendAsync("a@remote.test", "b@remote.test", "c@remote.test");

        Assert.All(events, e => Assert.InRange(e.NextAttempt!.Value - before, TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(11)));
    }
}
