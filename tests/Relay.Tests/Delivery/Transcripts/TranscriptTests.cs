using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.TestKit.Dns;
using Relay.TestKit.InMemory;
using Relay.TestKit.Remote;

namespace Relay.Tests.Delivery.Transcripts;

/// <summary>The dialogue of an attempt that failed is kept with its message.</summary>
public sealed class TranscriptTests
{
    [Fact]
    public async Task A_refused_message_keeps_what_was_said()
    {
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().On(RemoteStage.EndOfData, "554 5.7.1 no\r\n".TrimEnd()));
        await using var delivery = await StartAsync(remote);

        var message = await SendAsync(delivery, "a@remote.test");

        var transcript = await TranscriptAsync(delivery, message);
        Assert.Equal((1, "remote.test", false), (transcript.Attempt, transcript.Domain, transcript.IsSample));
        var said = transcript.Lines.Select(l => $"{l.Voice} {l.Text}").ToList();
        Assert.StartsWith("Note connected to 127.0.0.1 [127.0.0.1:", said[0], StringComparison.Ordinal);
        Assert.Equal("Them 220 remote.test ESMTP", said[1]);
        Assert.Equal("Us EHLO relay.test", said[2]);
        Assert.Contains("Them 250-PIPELINING", said);
        Assert.Contains($"Us MAIL FROM:<orders@shop.test> SIZE={message.Content.Length}", said);
        Assert.Contains("Us RCPT TO:<a@remote.test>", said);
        Assert.Contains($"Note (content: {message.Content.Length} octets)", said);
        Assert.Equal("Them 554 5.7.1 no", said[^1]);
        Assert.DoesNotContain(said, line => line.Contains("Hello", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task No_transcript_holds_a_word_of_another_message(bool byChunk)
    {
        var script = new RemoteScript().On(RemoteStage.Rcpt, m => m.Line.Contains("bad", StringComparison.Ordinal) ? RemoteAnswer.Say("550 5.1.1 nobody") : null);
        if (byChunk)
        {
            script.Capabilities.Add("CHUNKING");
        }

        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await StartAsync(remote, ("Delivery:Transcripts:SampleOneIn", 0), ("Delivery:ConnectionsPerSite", 1));
        var messages = new List<Message>();
        for (var i = 0; i < 60; i++)
        {
            messages.Add(await delivery.AcceptAsync(A.Message(delivery.Time, $"{(i % 3 == 0 ? "bad" : "good")}{i}@remote.test")));
        }

        await delivery.SettledAsync(60);

        foreach (var (message, i) in messages.Select((m, i) => (m, i)).Where(m => m.i % 3 == 0))
        {
            var lines = (await TranscriptAsync(delivery, message)).Lines.Select(l => l.Text).ToList();
            Assert.Equal([$"RCPT TO:<bad{i}@remote.test>"], lines.Where(l => l.StartsWith("RCPT", StringComparison.Ordinal)));
            Assert.Single(lines, l => l.StartsWith("MAIL", StringComparison.Ordinal));
            Assert.Single(lines, l => l == "550 5.1.1 nobody");
        }

        Assert.Equal(20, StoreOf(delivery).All.Count);
    }

    [Fact]
    public async Task A_host_that_cannot_be_reached_leaves_a_note_of_each_try()
    {
        await using var dns = ScriptedDns.Start().Mx("remote.test", (10, "one.test"), (20, "two.test")).A("one.test", "127.0.0.1").A("two.test", "127.0.0.1");
        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, 1);

        var lines = (await TranscriptAsync(delivery, await SendAsync(delivery, "a@remote.test"))).Lines;

        Assert.Equal(["one.test [127.0.0.1:1]: connection refused connecting", "two.test [127.0.0.1:1]: connection refused connecting"], lines.Select(l => l.Text));
    }

    [Theory]
    [InlineData("PLAIN LOGIN")]
    [InlineData("LOGIN")]
    public async Task No_transcript_holds_a_login(string offered)
    {
        var script = new RemoteScript { Login = ("someone", "other") };
        script.On(RemoteStage.Ehlo, $"250-remote.test\r\n250 AUTH {offered}");
        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await StartAsync(remote, ("Delivery:Routes:0:Username", "someone"), ("Delivery:Routes:0:Password", "pa55word"));

        var lines = (await TranscriptAsync(delivery, await SendAsync(delivery, "a@remote.test"))).Lines.Select(l => l.Text).ToList();

        Assert.Contains(lines, l => l.Contains("(secret)", StringComparison.Ordinal));
        Assert.Contains("535 5.7.8 No", lines);
        foreach (var secret in new[] { "someone", "pa55word", Base64("pa55word"), Base64("someone"), Base64("\0someone\0pa55word") })
        {
            Assert.DoesNotContain(lines, l => l.Contains(secret, StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task Of_good_attempts_a_sample_is_kept()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await StartAsync(remote, ("Delivery:Transcripts:SampleOneIn", 1));

        var transcript = await TranscriptAsync(delivery, await SendAsync(delivery, "a@remote.test"));

        Assert.True(transcript.IsSample);
        Assert.StartsWith("250 2.0.0 Ok: queued", transcript.Lines[^1].Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_none_are_wanted_none_are_kept()
    {
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().On(RemoteStage.Rcpt, "550 5.1.1 no"));
        await using var delivery = await StartAsync(remote, ("Delivery:Transcripts:Kept", "00:00:00"));

        await SendAsync(delivery, "a@remote.test");
        await delivery.StopAsync(TestContext.Current.CancellationToken);

        Assert.Empty(StoreOf(delivery).All);
    }

    private static Task<DeliveryUnderTest> StartAsync(ScriptedSmtpServer remote, params (string, object)[] more) =>
        DeliveryUnderTest.StartWithRouteAsync(remote, [("Delivery:Routes:0:Tls", "None"), .. more]);

    private static async Task<Message> SendAsync(DeliveryUnderTest delivery, string recipient)
    {
        var message = await delivery.AcceptAsync(A.Message(delivery.Time, recipient));
        await delivery.SettledAsync();
        return message;
    }

    private static InMemoryTranscripts StoreOf(DeliveryUnderTest delivery) => (InMemoryTranscripts)delivery.Part<ITranscriptStore>();

    // It is brought to the store behind the settlement.
    private static async Task<Transcript> TranscriptAsync(DeliveryUnderTest delivery, Message message)
    {
        await WaitUntil.TrueAsync(() => StoreOf(delivery).All.Any(t => t.Message == message.Id));
        return StoreOf(delivery).All.Single(t => t.Message == message.Id);
    }

    private static string Base64(string text) => Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(text));
}
