using System.Text;
using Relay.Mail.Events;
using Relay.TestKit.Remote;

namespace Relay.Tests.Delivery.Sending;

/// <summary>The next envelope leaves in one flight with the body before it; whatever goes wrong then, no mail is lost, doubled or blamed for it.</summary>
public sealed class RidingTests
{
    private static readonly (string, object) OneConnection = ("Delivery:ConnectionsPerSite", 1);

    [Fact]
    public async Task The_next_envelope_leaves_in_one_flight_with_the_body_before_it()
    {
        var stage = new Stage();
        await using var remote = stage.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, OneConnection);
        await stage.LetLeaveAsync(delivery, remote, "a@one.test", "b@two.test", "c@one.test");

        // The first body has no answer yet; the second envelope is there all the same, and nothing of the third.
        await WaitUntil.TrueAsync(() => Text(remote).EndsWith("\r\n.\r\nMAIL FROM:<orders@shop.test> SIZE=99\r\nRCPT TO:<b@two.test>\r\nDATA\r\n", StringComparison.Ordinal));
        stage.Answer();
        await delivery.SettledAsync(3);

        Assert.All(Events(delivery), e => Assert.Equal((MailEventType.Delivered, 1), (e.Type, e.Attempt)));
        Assert.Equal(3, Assert.Single(remote.Sessions).Commands.Count(c => c == "DATA"));
        Assert.DoesNotContain("RSET", remote.Sessions[0].Commands);
    }

    [Theory]
    [InlineData("421 4.3.2 Going down")]
    [InlineData(null)]
    public async Task An_envelope_that_rode_and_has_no_answer_but_421_is_no_attempt(string? word)
    {
        var stage = new Stage();
        stage.Script.On(RemoteStage.Mail, m => m is { Count: 2, Session.Number: 1 } ? new RemoteAnswer(word).ThenClose() : null);
        await using var remote = stage.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, OneConnection);
        await stage.LetLeaveAsync(delivery, remote, "a@remote.test", "b@remote.test");
        stage.Answer();
        await delivery.SettledAsync(2);

        Assert.All(Events(delivery), e => Assert.Equal((MailEventType.Delivered, 1), (e.Type, e.Attempt)));
        Assert.Equal([1, 2], remote.Messages.Select(m => m.Session.Number));
    }

    [Theory]
    [InlineData(RemoteStage.Rcpt)]
    [InlineData(RemoteStage.Data)]
    public async Task An_envelope_that_rode_and_was_answered_in_part_is_no_attempt(RemoteStage stageOfEnd)
    {
        var stage = new Stage();
        stage.Script.On(stageOfEnd, m => m is { Count: 2, Session.Number: 1 } ? RemoteAnswer.Reset : null);
        await using var remote = stage.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, OneConnection);
        await stage.LetLeaveAsync(delivery, remote, "a@remote.test", "b@remote.test");
        stage.Answer();
        await delivery.SettledAsync(2);

        Assert.All(Events(delivery), e => Assert.Equal((MailEventType.Delivered, 1), (e.Type, e.Attempt)));
        Assert.Equal(2, remote.Messages.Count);
    }

    [Theory]
    [InlineData("421 4.3.2 Going down", MailEventType.Deferred)]
    [InlineData("451 4.3.0 Not now", MailEventType.Deferred)]
    [InlineData(null, MailEventType.Uncertain)]
    public async Task What_becomes_of_a_body_is_nothing_to_the_envelope_behind_it(string? answer, MailEventType outcome)
    {
        var stage = new Stage(new RemoteAnswer(answer) with { Then = answer is null || answer.StartsWith("421", StringComparison.Ordinal) ? RemoteEnd.Close : RemoteEnd.GoOn });
        await using var remote = stage.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, OneConnection);
        await stage.LetLeaveAsync(delivery, remote, "a@remote.test", "b@remote.test");
        stage.Answer();
        await delivery.SettledAsync(2);

        var events = Events(delivery).OrderBy(e => e.Recipient).ToArray();
        Assert.Equal((outcome, 1), (events[0].Type, events[0].Attempt));
        Assert.Equal((MailEventType.Delivered, 1), (events[1].Type, events[1].Attempt));
        Assert.Single(remote.Messages, m => m.RcptTo[0].Contains("<b@"));
    }

    [Fact]
    public async Task A_354_to_an_envelope_that_rode_without_a_recipient_is_answered_with_a_lone_dot()
    {
        var stage = new Stage();
        stage.Script.On(RemoteStage.Rcpt, m => m.Line.Contains("<b@") ? RemoteAnswer.Say("550 5.1.1 No such user") : null)
            .On(RemoteStage.Data, m => m.Count == 2 ? RemoteAnswer.Say("354 Go ahead all the same") : null);
        await using var remote = stage.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, OneConnection);
        await stage.LetLeaveAsync(delivery, remote, "a@remote.test", "b@remote.test", "c@remote.test");
        stage.Answer();
        await delivery.SettledAsync(3);

        Assert.Equal("550 5.1.1 No such user", Of(delivery, "b@remote.test").Reply);
        Assert.Equal([1, 0, 1], remote.Messages.Select(m => m.RcptTo.Count));
        Assert.Empty(remote.Messages[1].Wire);
        Assert.Single(remote.Sessions);
    }

    [Fact]
    public async Task An_envelope_that_rode_behind_a_slow_answer_goes_over_another_connection_and_not_over_this_one()
    {
        var second = new TaskCompletionSource();
        var stage = new Stage();
        stage.Script.On(RemoteStage.Mail, m => m.Session.Number == 2 ? RemoteAnswer.Say("250 2.1.0 Ok").After(second.Task) : null);
        await using var remote = stage.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, ("Delivery:ConnectionsPerSite", 2));
        await delivery.AcceptAsync("a@remote.test");
        await remote.WaitForSessionsAsync(1, TestContext.Current.CancellationToken);
        await delivery.AcceptAsync("b@remote.test");
        delivery.Time.Advance(TimeSpan.FromMilliseconds(1));
        await delivery.AcceptAsync("c@remote.test");
        await WaitUntil.TrueAsync(() => delivery.Window.Held == 3 && remote.Sessions.Count == 2);

        // The third rides behind the first, whose answer does not come.
        stage.LetGo();
        await WaitUntil.TrueAsync(() => Text(remote).Contains("\r\n.\r\nMAIL", StringComparison.Ordinal));
        second.SetResult();
        await delivery.SettledAsync(1);
        delivery.Time.Advance(TimeSpan.FromSeconds(1));
        await delivery.SettledAsync(2);
        Assert.Equal(MailEventType.Delivered, Of(delivery, "c@remote.test").Type);
        stage.Answer();
        await delivery.SettledAsync(3);

        // Only the end of the connection takes back an envelope that was answered with 354: a lone dot would be mail.
        Assert.All(Events(delivery), e => Assert.Equal((MailEventType.Delivered, 1), (e.Type, e.Attempt)));
        Assert.Equal(3, remote.Messages.Count);
        await WaitUntil.TrueAsync(() => remote.Sessions[0].IsClosed);
        Assert.EndsWith("DATA\r\n", Encoding.ASCII.GetString(remote.Sessions[0].Received));
    }

    [Fact]
    public async Task An_envelope_that_rode_behind_a_slow_answer_and_that_nobody_else_took_is_carried_on()
    {
        var stage = new Stage();
        await using var remote = stage.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, OneConnection);
        await stage.LetLeaveAsync(delivery, remote, "a@remote.test", "b@remote.test", "c@remote.test");
        await WaitUntil.TrueAsync(() => Text(remote).Contains("\r\n.\r\nMAIL", StringComparison.Ordinal));
        delivery.Time.Advance(TimeSpan.FromSeconds(2));
        stage.Answer();
        await delivery.SettledAsync(3);

        Assert.Equal(3, remote.Messages.Count);
        Assert.Single(remote.Sessions);

        // A remote that is slow is not trusted with more than it has answered.
        Assert.Single(Text(remote).Split("\r\n.\r\nMAIL"), part => part.StartsWith(" FROM", StringComparison.Ordinal) && part.Contains("<b@"));
    }

    [Fact]
    public async Task A_connection_with_one_slow_answer_is_trusted_again_after_twenty_messages()
    {
        var (allWait, fifth, thirtieth) = (new TaskCompletionSource(), new TaskCompletionSource(), new TaskCompletionSource());
        var stage = new Stage();
        stage.Script
            .On(RemoteStage.Mail, m => m.Count == 3 ? RemoteAnswer.Say("250 2.1.0 Ok").After(allWait.Task) : null)
            .On(RemoteStage.EndOfData, m => m.Count switch
            {
                5 => RemoteAnswer.Say("250 2.0.0 Ok").After(fifth.Task),
                30 => RemoteAnswer.Say("250 2.0.0 Ok").After(thirtieth.Task),
                _ => null,
            });
        await using var remote = stage.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, OneConnection);
        await stage.LetLeaveAsync(delivery, remote, "a@remote.test", "b@remote.test");
        await WaitUntil.TrueAsync(() => Text(remote).Contains("\r\n.\r\nMAIL", StringComparison.Ordinal));
        delivery.Time.Advance(TimeSpan.FromSeconds(2));
        stage.Answer();
        await delivery.SettledAsync(2);
        for (var i = 0; i < 40; i++)
        {
            await delivery.AcceptAsync($"c{i}@remote.test");
        }

        allWait.SetResult();
        await WaitUntil.TrueAsync(() => remote.Messages.Count == 4 && Text(remote).EndsWith("\r\n.\r\n", StringComparison.Ordinal));
        fifth.SetResult();
        await WaitUntil.TrueAsync(() => remote.Messages.Count == 29 && Text(remote).EndsWith("DATA\r\n", StringComparison.Ordinal));
        thirtieth.SetResult();
        await delivery.SettledAsync(42);
        Assert.Single(remote.Sessions);
    }

    [Fact]
    public async Task An_envelope_that_rode_and_is_refused_when_nobody_wants_it_any_more_gets_RSET()
    {
        var stage = new Stage();
        stage.Script.On(RemoteStage.Data, m => m.Count == 2 ? RemoteAnswer.Say("451 4.3.0 No more now") : null);
        await using var remote = stage.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, OneConnection);
        await stage.LetLeaveAsync(delivery, remote, "a@remote.test", "b@remote.test");
        await WaitUntil.TrueAsync(() => Text(remote).Contains("\r\n.\r\nMAIL", StringComparison.Ordinal));

        delivery.Queue.IsReplaced = true;
        delivery.Time.Advance(TimeSpan.FromSeconds(2));
        stage.Answer();
        await WaitUntil.TrueAsync(() => remote.Sessions[0].Commands[^1] == "RSET" && delivery.Window.Held == 0);

        delivery.Queue.IsReplaced = false;
        Assert.Equal((MailEventType.Delivered, 1), await delivery.SettledAsync(2) is var last ? (last.Events[0].Type, last.Events[0].Attempt ?? 0) : default);
        Assert.Single(remote.Sessions);
    }

    [Fact]
    public async Task One_reply_too_many_before_an_envelope_that_rode_blames_nobody()
    {
        var stage = new Stage("250 2.0.0 Ok\r\n250 2.0.0 And Ok");
        await using var remote = stage.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, OneConnection);
        await stage.LetLeaveAsync(delivery, remote, "a@remote.test", "b@remote.test");
        stage.Answer();
        await delivery.SettledAsync(2);

        Assert.All(Events(delivery), e => Assert.Equal((MailEventType.Delivered, 1), (e.Type, e.Attempt)));
        Assert.Equal([1, 2], remote.Messages.Select(m => m.Session.Number));
    }

    [Fact]
    public async Task A_refusal_that_belongs_to_another_command_bounces_nobody()
    {
        // The reply too many shifts the rest: what refuses the first recipient looks like the answer to the second.
        var stage = new Stage("250 2.0.0 Ok\r\n250 2.0.0 And Ok");
        stage.Script.On(RemoteStage.Rcpt, m => m.Line.Contains("<bad@") ? RemoteAnswer.Say("550 5.1.1 No such user") : null)
            .On(RemoteStage.Rcpt, m => m.Line.Contains("<good@") && m.Session.Number == 1 ? RemoteAnswer.Say("450 4.2.1 Busy") : null);
        await using var remote = stage.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, OneConnection);
        await stage.LetLeaveAsync(delivery, remote, "a@remote.test", "bad@remote.test good@remote.test");
        stage.Answer();
        await delivery.SettledAsync(2);

        Assert.Equal(MailEventType.Bounced, Of(delivery, "bad@remote.test").Type);
        Assert.Equal((MailEventType.Delivered, 1), (Of(delivery, "good@remote.test").Type, Of(delivery, "good@remote.test").Attempt));
    }

    [Fact]
    public async Task A_421_that_lies_unread_behind_a_reset_is_heard()
    {
        var stage = new Stage();
        stage.Script.On(RemoteStage.Data, m => m.Count == 2 ? RemoteAnswer.Say("354 Go\r\n421 4.3.2 Going down").ThenReset() : null);
        await using var remote = stage.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, OneConnection);
        await stage.LetLeaveAsync(delivery, remote, "a@remote.test", "b@remote.test");
        stage.Answer();
        await delivery.SettledAsync(2);

        Assert.Equal((MailEventType.Deferred, "421 4.3.2 Going down"), (Of(delivery, "b@remote.test").Type, Of(delivery, "b@remote.test").Reply));
        Assert.Single(remote.Messages);
    }

    [Fact]
    public async Task A_body_whose_turn_is_over_takes_no_envelope_along()
    {
        var stage = new Stage();
        await using var remote = stage.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, OneConnection);
        delivery.Queue.DotsToRefuse = 1;
        await stage.LetLeaveAsync(delivery, remote, "a@remote.test", "b@remote.test");
        stage.Answer();
        await delivery.SettledAsync(2);

        Assert.DoesNotContain("<b@", Encoding.ASCII.GetString(remote.Sessions[0].Received));
        Assert.All(Events(delivery), e => Assert.Equal((MailEventType.Delivered, 1), (e.Type, e.Attempt)));
    }

    [Fact]
    public async Task It_is_noted_where_a_message_that_rode_may_be_only_when_its_own_body_leaves()
    {
        var stage = new Stage();
        await using var remote = stage.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, OneConnection);
        await stage.LetLeaveAsync(delivery, remote, "a@remote.test", "b@remote.test");
        await WaitUntil.TrueAsync(() => Text(remote).Contains("\r\n.\r\nMAIL", StringComparison.Ordinal));

        Assert.Single(delivery.Queue.Dots);
        stage.Answer();
        await delivery.SettledAsync(2);
        Assert.Equal(2, delivery.Queue.Dots.Count);
    }

    [Fact]
    public async Task Nothing_rides_beyond_the_messages_of_a_connection()
    {
        var stage = new Stage();
        await using var remote = stage.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, OneConnection, ("Delivery:MessagesPerConnection", 2));
        await stage.LetLeaveAsync(delivery, remote, [.. Enumerable.Range(0, 5).Select(i => $"a{i}@remote.test")]);
        stage.Answer();
        await delivery.SettledAsync(5);

        Assert.Equal([2, 2, 1], remote.Messages.GroupBy(m => m.Session).Select(g => g.Count()));
    }

    private static string Text(ScriptedSmtpServer remote) => Encoding.ASCII.GetString(remote.Sessions[0].Received);

    private static MailEvent[] Events(DeliveryUnderTest delivery) => [.. delivery.Queue.Settlements.SelectMany(s => s.Events)];

    private static MailEvent Of(DeliveryUnderTest delivery, string recipient) => Assert.Single(Events(delivery), e => e.Recipient == recipient);

    /// <summary>A remote whose first session holds the answers to its first MAIL and its first final dot until it is told.</summary>
    private sealed class Stage(RemoteAnswer answer)
    {
        private readonly TaskCompletionSource _go = new();
        private readonly TaskCompletionSource _answer = new();

        public Stage(string? answer = "250 2.0.0 Ok: taken")
            : this(new RemoteAnswer(answer))
        {
        }

        public RemoteScript Script { get; } = new();

        public ScriptedSmtpServer Start() => ScriptedSmtpServer.Start(Script
            .On(RemoteStage.Mail, m => m.Count == 1 ? RemoteAnswer.Say("250 2.1.0 Ok").After(_go.Task) : null)
            .On(RemoteStage.EndOfData, m => m is { Count: 1, Session.Number: 1 } ? answer.After(_answer.Task) : null));

        public void LetGo() => _go.SetResult();

        public void Answer() => _answer.SetResult();

        /// <summary>Accepts a message for each, some with several recipients, and lets the first body leave when the others wait.</summary>
        public async Task LetLeaveAsync(DeliveryUnderTest delivery, ScriptedSmtpServer remote, params string[] messages)
        {
            foreach (var recipients in messages)
            {
                await delivery.AcceptAsync(recipients.Split(' '));
                delivery.Time.Advance(TimeSpan.FromMilliseconds(1));
            }

            await WaitUntil.TrueAsync(() => delivery.Window.Held == messages.Length && remote.Sessions.Count == 1);
            LetGo();
        }
    }
}
