using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using MimeKit;
using Relay.Delivery.Sending;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Signing;
using Relay.TestKit.InMemory;
using Relay.TestKit.Remote;
using Relay.Tests.Mail.Signing;

namespace Relay.Tests.Delivery.Sending;

/// <summary>Content with octets above 127, at a remote that does not offer 8BITMIME.</summary>
public sealed class SevenBitTests
{
    private const string Header = "From: Shop <orders@shop.test>\r\nSubject: Hello\r\nX-Odd:   as  it\r\n\tis\r\n";
    private const string Text = "Gr\u00fc\u00dfe aus K\u00f6ln, \u20ac 5\r\n.\r\nEnd\r\n";

    [Fact]
    public async Task Text_arrives_in_an_encoding_that_the_remote_takes()
    {
        await using var remote = ScriptedSmtpServer.Start(SevenBitScript());
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        var events = await delivery.SendAsync(EightBit(Header + "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + Text, delivery.Time));

        Assert.Equal((MailEventType.Delivered, 1), (events[0].Type, events[0].Attempt));
        var mail = Assert.Single(remote.Messages);
        Assert.True(Ascii.IsValid(mail.Content));
        Assert.DoesNotContain("BODY=", mail.MailFrom);
        Assert.Contains(Header, mail.Text);
        Assert.StartsWith("Received: from client.test by relay.test\r\n", mail.Text);
        Assert.Equal(Text, Read(mail.Content).TextBody!.ReplaceLineEndings("\r\n"));
    }

    [Fact]
    public async Task A_text_without_MIME_gets_what_its_encoding_needs()
    {
        await using var remote = ScriptedSmtpServer.Start(SevenBitScript());
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        await delivery.SendAsync(EightBit(Header + "\r\n" + Text, delivery.Time));

        Assert.Contains("MIME-Version: 1.0\r\n", remote.Messages[0].Text);
        Assert.Contains("charset=utf-8", remote.Messages[0].Text);
        Assert.Equal(Text, Read(remote.Messages[0].Content).TextBody!.ReplaceLineEndings("\r\n"));
    }

    [Fact]
    public async Task Only_the_parts_that_need_it_are_changed()
    {
        const string Clean = "--b\r\nContent-Type: text/plain\r\n\r\nplain = as it is\r\n\r\n";
        const string Picture = "--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAECAwQF\r\nBgcICQoL\r\n";
        await using var remote = ScriptedSmtpServer.Start(SevenBitScript());
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        await delivery.SendAsync(EightBit(
            Header + "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + Clean
                + "--b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n<p>" + Text + "</p>\r\n" + Picture + "--b--\r\n",
            delivery.Time));

        Assert.Contains(Clean, remote.Messages[0].Text);
        Assert.Contains(Picture, remote.Messages[0].Text);
        Assert.Equal("<p>" + Text + "</p>", Read(remote.Messages[0].Content).BodyParts.OfType<TextPart>().Single(t => t.IsHtml).Text.ReplaceLineEndings("\r\n"));
    }

    [Fact]
    public async Task What_others_signed_is_not_changed_but_bounced()
    {
        await using var remote = ScriptedSmtpServer.Start(SevenBitScript());
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        var events = await delivery.SendAsync(EightBit(
            Header + "MIME-Version: 1.0\r\nContent-Type: multipart/signed; boundary=b; protocol=\"application/pgp-signature\"; micalg=pgp-sha256\r\n\r\n"
                + "--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + Text
                + "\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\nsigned\r\n--b--\r\n",
            delivery.Time));

        Assert.Equal((MailEventType.Bounced, "content.needs-8bitmime"), (events[0].Type, events[0].Rule));
        Assert.Equal("5.6.3", delivery.Reports.Asked[0].Failures[0].Status);
        Assert.Empty(remote.Messages);
    }

    [Fact]
    public async Task A_header_in_UTF8_is_bounced_since_no_encoding_applies()
    {
        var script = SevenBitScript();
        script.Capabilities.Remove("SMTPUTF8");
        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        var message = EightBit("Subject: Gr\u00fc\u00dfe\r\n\r\n" + Text, delivery.Time);

        var events = await delivery.SendAsync(message with { Content = message.Content with { HasEightBitHeader = true } });

        Assert.Equal((MailEventType.Bounced, "content.needs-smtputf8"), (events[0].Type, events[0].Rule));
        Assert.Equal("5.6.7", delivery.Reports.Asked[0].Failures[0].Status);
    }

    [Fact]
    public async Task Each_attempt_sends_the_same_octets()
    {
        var script = SevenBitScript().Once(RemoteStage.EndOfData, RemoteAnswer.Close);
        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        await delivery.SendAsync(EightBit(Header + "\r\n" + Text, delivery.Time));

        delivery.AdvanceTo(delivery.Queue.Settlements[0]);
        await delivery.SettledAsync(2);

        Assert.Equal(remote.Messages[0].Wire, remote.Messages[1].Wire);
    }

    [Fact]
    public async Task Our_signatures_are_made_anew_and_are_good_and_the_same_each_time()
    {
        var keys = new SigningPair();
        var contents = new InMemoryContentStore();
        using var copies = new SevenBitCopies(contents, NullLogger<SevenBitCopies>.Instance, new OneSigner(keys.Signer));
        var signed = keys.Sign(Encoding.UTF8.GetBytes(Header + "\r\n" + Text), "Received: from client.test by relay.test\r\n");
        Assert.Equal((2, 2), keys.CheckWithMimeKit(signed));
        var start = signed.AsSpan().IndexOf("From: "u8);
        var message = EightBit("", TimeProvider.System);
        message = message with
        {
            Alignment = new Alignment(SigningPair.Domain, null),
            Content = message.Content with { Prologue = signed.AsMemory(0, start), Head = signed.AsMemory(start), Length = signed.Length },
        };

        var copy = await copies.MakeAsync(message, TestContext.Current.CancellationToken);
        var again = await copies.MakeAsync(message, TestContext.Current.CancellationToken);

        byte[] octets = [.. copy!.Prologue.Span, .. copy.Head.Span];
        Assert.Equal((2, 2), keys.CheckWithMimeKit(octets));
        Assert.Equal(octets, (byte[])[.. again!.Prologue.Span, .. again.Head.Span]);
        Assert.Equal(octets.Length, copy.Length);
        Assert.Contains("Received: from client.test by relay.test\r\n", Encoding.ASCII.GetString(octets));
    }

    [Fact]
    public async Task Each_attempt_sends_the_same_octets_though_the_keys_are_replaced_between_them()
    {
        var (first, next) = (new SigningPair(), new SigningPair());
        await using var remote = ScriptedSmtpServer.Start(SevenBitScript().Once(RemoteStage.EndOfData, RemoteAnswer.Close));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, new RotatedSigner(first.Signer, DeliveryUnderTest.Began.AddSeconds(10), next.Signer));
        await delivery.SendAsync(EightBit(Header + "\r\n" + Text, delivery.Time) with { Alignment = new Alignment(SigningPair.Domain, null) });

        delivery.AdvanceTo(delivery.Queue.Settlements[0]);
        await delivery.SettledAsync(2);

        Assert.Equal((2, 2), first.CheckWithMimeKit(remote.Messages[0].Content));
        Assert.Equal(remote.Messages[0].Wire, remote.Messages[1].Wire);
    }

    [Fact]
    public async Task What_cannot_be_signed_anew_does_not_leave_without_its_signature()
    {
        await using var remote = ScriptedSmtpServer.Start(SevenBitScript());
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, new BrokenSigners());
        var message = EightBit(Header + "\r\n" + Text, delivery.Time) with { Alignment = new Alignment("shop.test", null) };

        var deferred = Assert.Single(await delivery.SendAsync(message));

        Assert.Equal((MailEventType.Deferred, "content.unavailable"), (deferred.Type, deferred.Rule));
        Assert.Empty(remote.Messages);
    }

    [Fact]
    public async Task A_mail_of_more_parts_than_anybody_reads_is_not_taken_to_pieces()
    {
        await using var remote = ScriptedSmtpServer.Start(SevenBitScript());
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        var parts = string.Concat(Enumerable.Repeat("--x\r\n\r\n", 6_000));

        var bounced = Assert.Single(await delivery.SendAsync(
            EightBit(Header + "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n" + parts + "Gr\u00fc\u00dfe\r\n--x--\r\n", delivery.Time)));

        Assert.Equal((MailEventType.Bounced, "content.needs-8bitmime"), (bounced.Type, bounced.Rule));
        Assert.Empty(remote.Messages);
    }

    [Fact]
    public async Task A_large_content_is_read_whole()
    {
        await using var remote = ScriptedSmtpServer.Start(SevenBitScript());
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        var lines = string.Concat(Enumerable.Range(0, 30_000).Select(i => $"Zeile {i} \u00fc\r\n"));
        var all = Encoding.UTF8.GetBytes(Header + "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + lines);
        var pieces = all.Chunk(MessageContent.ChunkBytes).ToArray();
        var message = EightBit("", delivery.Time);
        for (var i = 1; i < pieces.Length; i++)
        {
            await delivery.Contents.WriteChunkAsync(message.Id, i - 1, pieces[i], TestContext.Current.CancellationToken);
        }

        await delivery.SendAsync(message with { Content = message.Content with { Prologue = default, Head = pieces[0], Chunks = pieces.Length - 1, Length = all.Length } });

        Assert.True(pieces.Length > 1);
        Assert.Equal(lines, Read(remote.Messages[0].Content).TextBody!.ReplaceLineEndings("\r\n"));
    }

    private sealed class BrokenSigners : ISigners
    {
        public ValueTask<DkimSigner?> FindSignerAsync(string account, string domain, DateTimeOffset at, CancellationToken cancellation) =>
            throw new System.Security.Cryptography.CryptographicException("as the test wants it");
    }

    private static RemoteScript SevenBitScript()
    {
        var script = new RemoteScript();
        script.Capabilities.Remove("8BITMIME");
        return script;
    }

    private static Message EightBit(string body, TimeProvider time)
    {
        var message = A.MessageOf(body, time, "a@remote.test");
        return message with { Content = message.Content with { HasEightBit = true } };
    }

    private static MimeMessage Read(byte[] content) => MimeMessage.Load(new MemoryStream(content), TestContext.Current.CancellationToken);
}
