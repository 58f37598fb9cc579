using System.Text;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Sites;
using Relay.TestKit.Remote;

namespace Relay.Tests.Delivery.Sending;

/// <summary>Envelope and content leave in one flight where the remote takes chunks, and only where that is safe.</summary>
public sealed class FlightTests
{
    private static readonly (string, object) OneConnection = ("Delivery:ConnectionsPerSite", 1);

    [Fact]
    public async Task A_content_goes_by_BDAT_as_it_is()
    {
        const string Body = "Subject: dots\r\n\r\n.\r\n..\r\n.a\r\nlast line without an end";
        await using var remote = ScriptedSmtpServer.Start(Chunking());
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        await delivery.SendAsync(A.MessageOf(Body, delivery.Time, "a@remote.test"));

        // The line end that a dot would have needed is there as well: each attempt sends the same octets.
        Assert.True(remote.Messages[0].IsChunk);
        Assert.EndsWith(Body + "\r\n", remote.Messages[0].Text);
        Assert.DoesNotContain("DATA", remote.Sessions[0].Commands);
    }

    [Theory]
    [InlineData("ENHANCEDSTATUSCODES")]
    [InlineData("PIPELINING")]
    [InlineData("CHUNKING")]
    public async Task A_remote_that_lacks_what_BDAT_needs_gets_DATA(string missing)
    {
        var script = Chunking();
        script.Capabilities.Remove(missing);
        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        await delivery.SendAsync("a@remote.test");

        Assert.False(Assert.Single(remote.Messages).IsChunk);
    }

    [Fact]
    public async Task A_content_with_a_lone_line_feed_goes_nowhere()
    {
        await using var remote = ScriptedSmtpServer.Start(Chunking());
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        await delivery.SendAsync("a@remote.test");

        var bounced = await delivery.SendAsync(A.MessageOf("Subject: x\r\n\r\nlone\n.\r\n", delivery.Time, "b@remote.test"));

        Assert.Equal((MailEventType.Bounced, "content.malformed"), (bounced[0].Type, bounced[0].Rule));
        Assert.Single(remote.Messages);
    }

    [Fact]
    public async Task A_large_content_goes_by_DATA_between_others_by_BDAT()
    {
        await using var remote = ScriptedSmtpServer.Start(Chunking());
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, OneConnection);
        await delivery.SendAsync("a@remote.test");
        await delivery.SendAsync(A.MessageOf("Subject: x\r\n\r\n" + string.Concat(Enumerable.Repeat(new string('x', 70) + "\r\n", 1_000)), delivery.Time, "b@remote.test"));
        await delivery.SendAsync("c@remote.test");

        Assert.Equal([true, false, true], remote.Messages.Select(m => m.IsChunk));
        Assert.Single(remote.Sessions);
    }

    [Fact]
    public async Task A_host_gets_no_content_before_its_answers_until_it_has_taken_a_chunk()
    {
        var mail = new TaskCompletionSource();
        await using var remote = ScriptedSmtpServer.Start(Chunking().On(RemoteStage.Rcpt, RemoteAnswer.Say("250 2.1.5 Ok").After(mail.Task)));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        await delivery.AcceptAsync("a@remote.test");
        await WaitUntil.TrueAsync(() => remote.Sessions.Count == 1 && Text(remote).EndsWith("RCPT TO:<a@remote.test>\r\n", StringComparison.Ordinal));

        mail.SetResult();
        Assert.Equal(MailEventType.Delivered, (await delivery.SettledAsync()).Events[0].Type);
    }

    [Fact]
    public async Task Then_more_and_more_messages_leave_in_one_flight_each_noted_before()
    {
        await using var stage = await Stage.WhereAHostHasPassedAsync(Chunking());
        await stage.HoldAsync("b", "c", "d", "e", "f", "g", "h", "i");

        // The first flight is one message; no answer to its envelope is there.
        await stage.SeesAsync("<b@", 1);
        Assert.Equal(2, stage.Delivery.Queue.Dots.Count);
        stage.Hold("c");
        stage.LetGo("b");
        await stage.SeesAsync("<d@", 2);
        Assert.DoesNotContain("<e@", stage.Received);
        Assert.Equal(4, stage.Delivery.Queue.Dots.Count);
        stage.LetGo("c");
        await stage.Delivery.SettledAsync(9);

        Assert.All(stage.Events, e => Assert.Equal((MailEventType.Delivered, 1), (e.Type, e.Attempt)));
        Assert.Equal(9, stage.Remote.Messages.Count);
        Assert.Single(stage.Remote.Sessions);
    }

    [Fact]
    public async Task A_refused_recipient_is_bounced_alone_and_the_next_content_waits_for_its_envelope()
    {
        await using var stage = await Stage.WhereAHostHasPassedAsync(Chunking()
            .On(RemoteStage.Rcpt, m => m.Line.Contains("<d@") ? RemoteAnswer.Say("550 5.1.1 No such user") : null));
        await stage.HoldAsync("b", "c", "d", "e");
        stage.Hold("e");
        stage.LetGo("b");

        // The flight of c and d had a failure: e's envelope goes first.
        await WaitUntil.TrueAsync(() => stage.Received.Contains("<e@"));
        Assert.Equal("550 5.1.1 No such user", stage.Of("d").Reply);
        Assert.EndsWith("RCPT TO:<e@remote.test>\r\n", stage.Received);
        stage.LetGo("e");
        await stage.Delivery.SettledAsync(5);

        Assert.Equal((MailEventType.Delivered, 1), (stage.Of("e").Type, stage.Of("e").Attempt));
        Assert.Single(stage.Remote.Sessions);
    }

    [Fact]
    public async Task A_refused_chunk_whose_octets_are_not_swallowed_ends_the_connection_and_the_trust()
    {
        await using var stage = await Stage.WhereAHostHasPassedAsync(Chunking()
            .On(RemoteStage.Rcpt, m => m.Line.Contains("<c@") && m.Session.Number == 1 ? RemoteAnswer.Say("450 4.2.1 Not now") : null)
            .On(RemoteStage.Chunk, m => m is { Count: 3, Session.Number: 1 } ? RemoteAnswer.Say("503 5.5.1 No valid recipients") with { LeavesChunk = true } : null));
        await stage.HoldAsync("b", "c", "d", "e");
        stage.LetGo("b");
        await stage.Delivery.SettledAsync(5);

        // What left with it and has no answer that fits is not known to be refused; it is tried again, alone.
        Assert.Equal(MailEventType.Uncertain, stage.Of("c").Type);
        Assert.Equal(MailEventType.Uncertain, stage.Of("d").Type);
        Assert.Equal((MailEventType.Delivered, 1), (stage.Of("e").Type, stage.Of("e").Attempt));
        Assert.False(stage.Remote.Messages.Single(m => m.RcptTo[0].Contains("<e@")).IsChunk);

        stage.Delivery.Time.Advance(TimeSpan.FromMinutes(1));
        await stage.Delivery.SettledAsync(7);
        Assert.All(stage.Events.TakeLast(2), e => Assert.Equal((MailEventType.Delivered, 2), (e.Type, e.Attempt)));
    }

    [Fact]
    public async Task A_chunk_that_is_refused_and_not_swallowed_step_by_step_harms_nobody_else()
    {
        var script = Chunking().On(RemoteStage.Chunk, m => RemoteAnswer.Say("452 4.3.1 Too large for now") with { LeavesChunk = true });
        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, OneConnection);
        var refused = await delivery.SendAsync("a@remote.test");

        var next = await delivery.SendAsync("b@remote.test");

        Assert.Equal("452 4.3.1 Too large for now", refused[0].Reply);

        // Whether a reply to the octets that were taken for commands is read before the connection is dropped is a matter of time.
        // Where it is, the host counts as one that cannot do chunks, and the next mail goes by DATA.
        Assert.Contains((next[0].Reply, next[0].Attempt), new (string?, int?)[] { ("452 4.3.1 Too large for now", 1), ("250 2.0.0 Ok: queued as 2-1", 1) });
        Assert.Equal(2, remote.Sessions.Count);
    }

    [Fact]
    public async Task A_remote_that_does_not_know_the_BDAT_it_offers_gets_DATA_at_once()
    {
        await using var remote = ScriptedSmtpServer.Start(Chunking().On(RemoteStage.Chunk, "502 5.5.1 Not implemented"));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        var delivered = await delivery.SendAsync("a@remote.test");

        Assert.Equal((MailEventType.Delivered, 1), (delivered[0].Type, delivered[0].Attempt));
        Assert.False(remote.Messages[^1].IsChunk);
    }

    [Fact]
    public async Task Nor_is_what_rode_behind_that_BDAT_forgotten()
    {
        var mail = new TaskCompletionSource();
        await using var remote = ScriptedSmtpServer.Start(Chunking()
            .On(RemoteStage.Mail, RemoteAnswer.Say("250 2.1.0 Ok").After(mail.Task)).On(RemoteStage.Chunk, "502 5.5.1 Not implemented"));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, OneConnection);
        for (var i = 0; i < 4; i++)
        {
            await delivery.AcceptAsync($"a{i}@remote.test");
        }

        await WaitUntil.TrueAsync(() => delivery.Window.Held == 4);
        mail.SetResult();
        await delivery.SettledAsync(4);

        Assert.All(delivery.Queue.Settlements.SelectMany(s => s.Events), e => Assert.Equal((MailEventType.Delivered, 1), (e.Type, e.Attempt)));
    }

    [Fact]
    public async Task Behind_a_421_in_the_midst_of_a_flight_nothing_was_tried()
    {
        await using var stage = await Stage.WhereAHostHasPassedAsync(Chunking()
            .On(RemoteStage.Mail, m => m is { Count: 4, Session.Number: 1 } ? RemoteAnswer.Say("421 4.3.2 Going down").ThenClose() : null));
        await stage.HoldAsync("b", "c", "d", "e");
        stage.LetGo("b");
        await stage.Delivery.SettledAsync(5);

        Assert.All(stage.Events, e => Assert.Equal((MailEventType.Delivered, 1), (e.Type, e.Attempt)));
        Assert.Equal(5, stage.Remote.Messages.Count);
        Assert.Equal(2, stage.Remote.Sessions.Count);
    }

    [Fact]
    public async Task A_flight_that_is_lost_without_a_word_is_uncertain_for_all_that_had_no_answer()
    {
        await using var stage = await Stage.WhereAHostHasPassedAsync(Chunking()
            .On(RemoteStage.Chunk, m => m is { Count: 3, Session.Number: 1 } ? RemoteAnswer.Reset : null));
        await stage.HoldAsync("b", "c", "d", "e");
        stage.LetGo("b");
        await stage.Delivery.SettledAsync(5);

        Assert.Equal(MailEventType.Delivered, stage.Of("b").Type);
        Assert.All((string[])["c", "d"], name => Assert.Equal((MailEventType.Uncertain, "connection.lost-after-dot"), (stage.Of(name).Type, stage.Of(name).Rule)));
        Assert.Equal((MailEventType.Delivered, 1), (stage.Of("e").Type, stage.Of("e").Attempt));
    }

    [Fact]
    public async Task One_reply_too_many_in_a_flight_makes_no_delivery()
    {
        await using var stage = await Stage.WhereAHostHasPassedAsync(Chunking()
            .On(RemoteStage.Chunk, m => m is { Count: 3, Session.Number: 1 } ? RemoteAnswer.Say("250 2.0.0 Ok\r\n250 2.0.0 And Ok")
                : m is { Count: 4, Session.Number: 1 } ? RemoteAnswer.Say("554 5.7.1 Spam") : null));
        await stage.HoldAsync("b", "c", "d");
        stage.LetGo("b");
        await stage.Delivery.SettledAsync(4);

        // The yes to d's recipient stands where the answer to its content was awaited, which was a no.
        Assert.Equal(MailEventType.Delivered, stage.Of("c").Type);
        Assert.Equal(MailEventType.Uncertain, stage.Of("d").Type);
    }

    [Fact]
    public async Task A_unit_whose_turn_is_over_does_not_fly()
    {
        await using var stage = await Stage.WhereAHostHasPassedAsync(Chunking());
        stage.Delivery.Queue.DotsToRefuse = 2;

        var events = await stage.Delivery.SendAsync("b@remote.test");

        Assert.Equal((MailEventType.Delivered, 1), (events[0].Type, events[0].Attempt));
        Assert.Equal(2, stage.Remote.Messages.Count);
    }

    [Fact]
    public async Task A_connection_that_lay_idle_answers_an_envelope_before_it_gets_a_content()
    {
        await using var stage = await Stage.WhereAHostHasPassedAsync(Chunking());
        await WaitUntil.TrueAsync(() => stage.Delivery.IsAnyParked);
        stage.Delivery.Time.Advance(TimeSpan.FromSeconds(5));
        await stage.HoldAsync("b");
        await WaitUntil.TrueAsync(() => stage.Received.EndsWith("RCPT TO:<b@remote.test>\r\n", StringComparison.Ordinal));
        stage.LetGo("b");

        Assert.Equal(MailEventType.Delivered, (await stage.Delivery.SettledAsync(2)).Events[0].Type);
        Assert.Single(stage.Remote.Sessions);
    }

    [Fact]
    public async Task What_waits_behind_a_flight_is_not_lost_with_the_courier_that_leaves()
    {
        var (first, second) = (new TaskCompletionSource(), new TaskCompletionSource());
        RemoteSession? left = null;
        await using var remote = ScriptedSmtpServer.Start(Chunking()
            .On(RemoteStage.Greeting, m => m.Session.Number > 2 ? RemoteAnswer.Say("421 4.7.0 Too many connections").ThenClose() : null)
            .On(RemoteStage.Mail, m => m.Session == left && first.Task.IsCompleted ? RemoteAnswer.Say("421 4.3.2 Going down").ThenClose() : null)
            .On(RemoteStage.Rcpt, m =>
            {
                // Whichever connection it takes: that of the message before may not be free yet.
                left = m.Line.Contains("<b@", StringComparison.Ordinal) ? m.Session : left;
                return m.Line.Contains("<b@", StringComparison.Ordinal) ? RemoteAnswer.Say("250 2.1.5 Ok").After(first.Task)
                    : m.Line.Contains("<c@", StringComparison.Ordinal) ? RemoteAnswer.Say("250 2.1.5 Ok").After(second.Task)
                    : null;
            }));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, ("Delivery:ConnectionsPerSite", 2));
        await delivery.SendAsync("a@remote.test");
        await delivery.AcceptAsync("b@remote.test");
        await WaitUntil.TrueAsync(() => Volatile.Read(ref left) is not null);
        await delivery.AcceptAsync("c@remote.test");
        await WaitUntil.TrueAsync(() => delivery.Queue.Dots.Count == 3);

        // Too large for the flight of the one before it: it takes its seat behind that.
        await delivery.AcceptAsync("d@remote.test");
        delivery.Time.Advance(TimeSpan.FromMilliseconds(1));
        await delivery.AcceptAsync(A.MessageOf("Subject: x\r\n\r\n" + string.Concat(Enumerable.Repeat(new string('x', 70) + "\r\n", 1_000)), delivery.Time, "e@remote.test"));
        await WaitUntil.TrueAsync(() => delivery.Part<ISiteReader>().List() is [{ Waiting: 2 }]);
        first.SetResult();
        await WaitUntil.TrueAsync(() => remote.Sessions.Count == 3 && remote.Sessions[2].IsClosed);
        second.SetResult();
        await delivery.SettledAsync(5);

        Assert.All(delivery.Queue.Settlements.SelectMany(s => s.Events), e => Assert.Equal((MailEventType.Delivered, 1), (e.Type, e.Attempt)));
        Assert.Contains(remote.Messages, m => m.RcptTo[0].Contains("<e@", StringComparison.Ordinal));
    }

    private static RemoteScript Chunking()
    {
        var script = new RemoteScript();
        script.Capabilities.Add("CHUNKING");
        return script;
    }

    private static string Text(ScriptedSmtpServer remote) => Encoding.ASCII.GetString(remote.Sessions[0].Received);

    /// <summary>One connection to a host that has taken a chunk, for message a; the answers to chosen recipients are held back.</summary>
    private sealed class Stage : IAsyncDisposable
    {
        private readonly Dictionary<string, TaskCompletionSource> _held = [];

        public required DeliveryUnderTest Delivery { get; init; }
        public required ScriptedSmtpServer Remote { get; init; }

        public string Received => Text(Remote);

        public MailEvent[] Events => [.. Delivery.Queue.Settlements.SelectMany(s => s.Events)];

        public static async Task<Stage> WhereAHostHasPassedAsync(RemoteScript script)
        {
            Stage? stage = null;
            script.On(RemoteStage.Rcpt, m => stage!.AnswerTo(m.Line));
            var remote = ScriptedSmtpServer.Start(script);
            stage = new Stage { Remote = remote, Delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, OneConnection) };
            await stage.Delivery.SendAsync("a@remote.test");
            return stage;
        }

        /// <summary>Accepts these, holds the answer to the first one's recipient back, and waits until the others wait.</summary>
        public async Task HoldAsync(params string[] names)
        {
            Hold(names[0]);
            foreach (var name in names)
            {
                await Delivery.AcceptAsync($"{name}@remote.test");
                Delivery.Time.Advance(TimeSpan.FromMilliseconds(1));
            }

            await WaitUntil.TrueAsync(() => Delivery.Window.Held == names.Length && Received.Contains($"<{names[0]}@"));
        }

        public void Hold(string name)
        {
            lock (_held)
            {
                _held[name] = new TaskCompletionSource();
            }
        }

        public void LetGo(string name)
        {
            lock (_held)
            {
                _held[name].SetResult();
            }
        }

        /// <summary>Waits until an envelope is there with its content, and so many contents are unanswered.</summary>
        public Task SeesAsync(string recipient, int unanswered) => WaitUntil.TrueAsync(() =>
            Received.Contains(recipient) && Received.EndsWith(A.Body, StringComparison.Ordinal)
            && Received.Split("BDAT ").Length - 1 == Delivery.Queue.Settlements.Count + unanswered);

        public MailEvent Of(string name) => Assert.Single(Events, e => e.Recipient == $"{name}@remote.test");

        public async ValueTask DisposeAsync()
        {
            await Delivery.DisposeAsync();
            await Remote.DisposeAsync();
        }

        private RemoteAnswer? AnswerTo(string line)
        {
            lock (_held)
            {
                return _held.FirstOrDefault(h => line.Contains($"<{h.Key}@")).Value is { } gate ? RemoteAnswer.Say("250 2.1.5 Ok").After(gate.Task) : null;
            }
        }
    }
}
