using System.Text;
using MimeKit;
using Relay.Mail.Signing;
using Relay.TestKit.Verifying;

namespace Relay.Tests.Mail.Signing;

public sealed class DkimSignerTests
{
    private const string Header =
        "From: Shop <orders@shop.test>\r\nTo: ada@there.test\r\nSubject: Hello\r\nDate: Mon, 02 Mar 2026 09:30:00 +0000\r\n"
        + "Message-ID: <1@shop.test>\r\nMIME-Version: 1.0\r\n";

    private const string SignedByAnother = "already signed by another";

    private static readonly SigningPair Pair = new();

    public static TheoryData<string> Kinds => [.. Contents.Keys];

    // The signature that another host left there is bad, and OpenDKIM says so of the whole message.
    public static TheoryData<string> KindsForOpenDkim => [.. Contents.Keys.Where(kind => kind != SignedByAnother)];

    private static Dictionary<string, byte[]> Contents { get; } = new()
    {
        ["plain"] = Latin($"{Header}\r\nHello Ada\r\n"),
        ["eight bit"] = Latin($"{Header}Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGr\u00fc\u00dfe  an \t alle\u00e9 \r\n"),
        ["UTF-8 header"] = Encoding.UTF8.GetBytes(Header.Replace("Hello", "Grüße 世界", StringComparison.Ordinal) + "\r\nбрат\r\n"),
        ["long lines"] = Latin($"{Header}Content-Type: text/html\r\n\r\n<table>{string.Concat(Enumerable.Repeat("<td>x  y</td>", 70))}\r\n{new string('z', 990)} \r\n"),
        ["folded header"] = Latin(Header.Replace("Hello", "Hello\r\n  folded\r\n\tonce \t more  ", StringComparison.Ordinal)
            + "References: <a@shop.test>\r\n\t<b@shop.test>\r\n  <c@shop.test>\r\nReply-To:\r\n help@shop.test\r\n\r\nx\r\n"),
        ["odd case and spaces"] = Latin("FROM:orders@shop.test\r\nto:   ada@there.test   \r\nsubJECT:\r\nDate: Mon, 02 Mar 2026 09:30:00 +0000\r\n\r\nx\r\n"),
        ["empty body"] = Latin($"{Header}\r\n"),
        ["trailing empty lines"] = Latin($"{Header}\r\ntext \t\r\n\r\n \r\n\r\n"),
        ["leading empty lines"] = Latin($"{Header}\r\n\r\n\r\ntext\r\n"),
        ["no line end"] = Latin($"{Header}\r\ntext"),
        ["dots"] = Latin($"{Header}\r\n.\r\n..\r\n.x\r\n"),
        ["mailing list"] = Latin($"{Header}List-Id: News <news.shop.test>\r\nList-Unsubscribe: <https://shop.test/u/1>,\r\n <mailto:u@shop.test>\r\n"
            + "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nList-Help: <https://shop.test/help>\r\nFeedback-ID: a:b:c:shop\r\nPrecedence: bulk\r\n\r\nNews\r\n"),
        ["two of a field"] = Latin($"{Header}References: <a@shop.test>\r\nX-Other: x\r\nReferences: <b@shop.test>\r\n\r\nx\r\n"),
        [SignedByAnother] = Latin("DKIM-Signature: v=1; a=rsa-sha256; d=other.test; s=x; h=from; bh=AAAA; b=AAAA\r\n" + Header + "\r\nx\r\n"),
        ["attachments"] = WithAttachments(),
        ["larger than a buffer"] = Latin($"{Header}\r\n{string.Concat(Enumerable.Repeat("a line of text with some words in it\r\n", 20_000))}"),
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public void MimeKit_finds_both_signatures_good(string kind)
    {
        var signed = Pair.Sign(Contents[kind], "Received: from a\r\n\tby b; Mon, 02 Mar 2026 09:30:00 +0000\r\n");

        Assert.Equal(2, Pair.CheckWithMimeKit(signed).Good);
    }

    [Theory]
    [MemberData(nameof(KindsForOpenDkim))]
    public async Task OpenDkim_finds_both_signatures_good(string kind)
    {
        await using var verifier = await OpenDkim.CreateAsync(Pair.Records);

        foreach (var key in new[] { Pair.Rsa, Pair.Ed25519 })
        {
            var content = Contents[kind];
            var body = BodyDigest.StartOfBody(content);
            var signature = new DkimSigner(SigningPair.Domain, [key])
                .Sign([], content.AsSpan(0, body), BodyDigest.Of(content.AsSpan(body)), DateTimeOffset.UtcNow);
            // Whoever sends it ends its last line.
            byte[] end = content.AsSpan().EndsWith("\r\n"u8) ? [] : [.. "\r\n"u8];
            var verdict = await verifier.VerifyAsync([.. signature, .. content, .. end], TestContext.Current.CancellationToken);
            Assert.True(verdict.IsGood, $"{key.Selector}: {verdict.Words}");
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task DkimPy_finds_both_signatures_good(string kind)
    {
        await using var verifier = await DkimPy.CreateAsync(Pair.Records);
        var content = Contents[kind];
        byte[] end = content.AsSpan().EndsWith("\r\n"u8) ? [] : [.. "\r\n"u8];

        var (good, all, words) = await verifier.VerifyAsync([.. Pair.Sign(content, "Received: from a\r\n\tby b; Mon, 02 Mar 2026 09:30:00 +0000\r\n"), .. end], TestContext.Current.CancellationToken);

        Assert.True((good, all) == (2, kind == SignedByAnother ? 3 : 2), words);
    }

    [Fact]
    public async Task DkimPy_finds_a_changed_message_bad()
    {
        await using var verifier = await DkimPy.CreateAsync(Pair.Records);
        var signed = Encoding.Latin1.GetString(Pair.Sign(Contents["mailing list"]));

        var changed = await verifier.VerifyAsync(Latin(signed.Replace("One-Click", "Two-Click", StringComparison.Ordinal)), TestContext.Current.CancellationToken);

        Assert.Equal((0, 2), (changed.Good, changed.All));
    }

    [Fact]
    public async Task OpenDkim_finds_a_changed_message_bad()
    {
        await using var verifier = await OpenDkim.CreateAsync(Pair.Records);
        var signed = Encoding.Latin1.GetString(Pair.Sign(Contents["plain"]));

        Assert.False((await verifier.VerifyAsync(Latin(signed.Replace("Hello Ada", "Hello Eve", StringComparison.Ordinal)), TestContext.Current.CancellationToken)).IsGood);
        Assert.False((await verifier.VerifyAsync(Latin(signed.Replace("Subject: Hello", "Subject: Hallo", StringComparison.Ordinal)), TestContext.Current.CancellationToken)).IsGood);
    }

    [Theory]
    [InlineData("From: evil@shop.test")]
    [InlineData("Subject: other")]
    [InlineData("Reply-To: evil@there.test")]
    [InlineData("Content-Type: text/html")]
    [InlineData("List-Unsubscribe-Post: List-Unsubscribe=One-Click")]
    [InlineData("Cc: evil@there.test")]
    public void A_field_added_on_the_way_breaks_every_signature(string field)
    {
        var signed = Encoding.Latin1.GetString(Pair.Sign(Contents["plain"]));

        Assert.Equal(0, Pair.CheckWithMimeKit(Latin($"{field}\r\n{signed}")).Good);
    }

    [Fact]
    public void Text_added_below_the_body_breaks_every_signature() =>
        Assert.Equal(0, Pair.CheckWithMimeKit([.. Pair.Sign(Contents["plain"]), .. "more\r\n"u8]).Good);

    [Fact]
    public void Hosts_on_the_way_may_add_what_no_reader_sees()
    {
        var signed = Encoding.Latin1.GetString(Pair.Sign(Contents["plain"]));

        Assert.Equal(2, Pair.CheckWithMimeKit(Latin($"Received: from x by y\r\nX-Spam: no\r\nSender: list@there.test\r\n{signed}")).Good);
    }

    [Fact]
    public void Each_field_is_named_once_more_than_it_occurs()
    {
        var field = Encoding.ASCII.GetString(Pair.Sign(Contents["mailing list"])).Split("DKIM-Signature: ")[1];
        var names = field.Split("h=")[1].Split(';')[0].Split(':').Select(n => n.Trim()).GroupBy(n => n).ToDictionary(g => g.Key, g => g.Count());

        string[] occurOnce = ["From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Help", "Feedback-ID"];
        Assert.All(occurOnce, name => Assert.Equal(2, names[name]));
        Assert.All(["Cc", "Reply-To", "Content-Type"], name => Assert.Equal(1, names[name]));
        Assert.DoesNotContain("Received", names.Keys);
    }

    [Fact]
    public void A_signature_says_all_that_the_standards_ask_for_and_no_length()
    {
        var now = new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
        var text = Encoding.ASCII.GetString(Pair.Sign(Contents["plain"], now: now));
        var signatures = text[..text.IndexOf("From: ", StringComparison.Ordinal)].Split("DKIM-Signature: ", StringSplitOptions.RemoveEmptyEntries);

        Assert.StartsWith("v=1; a=rsa-sha256; c=relaxed/relaxed; d=shop.test;\r\n\ts=first; t=1772366400;\r\n\th=From:From:To:To:", signatures[0], StringComparison.Ordinal);
        Assert.StartsWith("v=1; a=ed25519-sha256; c=relaxed/relaxed; d=shop.test;\r\n\ts=second; t=1772366400;", signatures[1], StringComparison.Ordinal);
        Assert.All(signatures, signature => Assert.DoesNotContain("l=", signature.Split("bh=")[0], StringComparison.Ordinal));
        Assert.All(text.Split("\r\n"), line => Assert.True(line.Length <= 98, line));
    }

    [Fact]
    public void A_field_repeated_without_end_does_not_make_a_signature_without_end()
    {
        var content = Latin(string.Concat(Enumerable.Repeat("References: <a@b>\r\n", 10_000)) + Header + "\r\nx\r\n");
        var signed = Pair.Sign(content);

        Assert.True(signed.Length - content.Length < 4_000);
        Assert.Equal(2, Pair.CheckWithMimeKit(signed).Good);
    }

    [Fact]
    public async Task Many_threads_sign_with_one_signer()
    {
        var signed = await Task.WhenAll(Enumerable.Range(0, 64).Select(_ => Task.Run(() => Pair.Sign(Contents["plain"]))));

        Assert.All(signed, message => Assert.Equal((2, 2), Pair.CheckWithMimeKit(message)));
    }

    private static byte[] Latin(string text) => Encoding.Latin1.GetBytes(text);

    private static byte[] WithAttachments()
    {
        using var message = new MimeMessage();
        message.From.Add(new MailboxAddress("Größe & Co", "orders@shop.test"));
        message.To.Add(new MailboxAddress("Ada", "ada@there.test"));
        message.Subject = "Ihre Rechnung über 12 €, " + new string('x', 200);
        var builder = new BodyBuilder { TextBody = "Grüße\n", HtmlBody = "<p>Grüße</p>" };
        builder.Attachments.Add("größe.pdf", Enumerable.Range(0, 50_000).Select(i => (byte)i).ToArray());
        message.Body = builder.ToMessageBody();

        var format = FormatOptions.Default.Clone();
        format.NewLineFormat = NewLineFormat.Dos;
        using var stream = new MemoryStream();
        message.WriteTo(format, stream, TestContext.Current.CancellationToken);
        return stream.ToArray();
    }
}
