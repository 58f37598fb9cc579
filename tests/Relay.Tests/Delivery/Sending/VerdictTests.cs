using CsCheck;
using Relay.Delivery.Sending;
using Relay.Mail.Classification;
using Relay.Mail.Events;
using Relay.Smtp.Replies;
using Relay.TestKit.Remote;

namespace Relay.Tests.Delivery.Sending;

/// <summary>What the rules for refusals make of a message under way.</summary>
public sealed class VerdictTests
{
    // Of what replies are made of, and of what nobody would write: digits of other scripts, half of a character, controls.
    private static readonly string[] Pieces =
    [
        "try again in ", "wait ", "come back in ", "greylisted for ", "blocked ", "4.7.1 ", "an ", "one ", "1", "24:00:00", "99:59:59", "00:00:01",
        "999999", "\u0665", "\u0967", "\uff11", "m", " minutes", "h", " days", "s", "d ", ", and ", "-", " ", ":", "\ud800", "\0", "\u212a", "\u0130",
    ];

    private static readonly Gen<string> Texts = Gen.OneOf(
        Gen.Int[0, Pieces.Length - 1].Select(i => Pieces[i]),
        Gen.Int[0, 9_999_999].Select(number => number.ToString(System.Globalization.CultureInfo.InvariantCulture)),
        Gen.String[0, 8]).Array[0, 12].Select(string.Concat);

    [Fact]
    public void No_text_whatever_is_too_much_for_the_rules() =>
        Gen.Select(Texts, Gen.Int[400, 599], Gen.Enum<SmtpPhase>()).Sample(
            (text, code, phase) => Verdict.Judge(new SmtpReply(code, null, [text]), "mx.remote.test", phase) is not null, iter: 20_000);

    [Fact]
    public async Task A_greeting_that_names_a_wait_beyond_a_day_is_one_like_the_others()
    {
        await using var remote = ScriptedSmtpServer.Start(
            new RemoteScript().On(RemoteStage.Greeting, RemoteAnswer.Say("421 4.7.0 Busy, please come back in 24:00:00").ThenClose()));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        var deferred = Assert.Single(await delivery.SendAsync("a@remote.test"));

        Assert.Equal((MailEventType.Deferred, "421 4.7.0 Busy, please come back in 24:00:00"), (deferred.Type, deferred.Reply));
    }

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

        Assert.Equal(3, events.Count);
        Assert.All(events, e => Assert.InRange(e.NextAttempt!.Value - before, TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(11)));
    }
}
