using System.Text;
using Relay.ScenarioTests.Harness;

namespace Relay.ScenarioTests.Delivering;

/// <summary>Live mail from our door to the mailbox of a real Postfix.</summary>
public sealed class PostfixTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_came_by_smtp_arrives_byte_for_byte()
    {
        await using var postfix = await PostfixServer.StartAsync(Cancellation);
        await using var relay = await RelayUnderTest.StartAsync(Cancellation, new RelaySetup().WithRoute(postfix.Port));
        await using var client = await Submitter.ConnectAsync(relay, Cancellation);
        var content = Difficult();

        var reply = await client.SubmitAsync("shop@sender.test", ["ada@postfix.test"], content, Cancellation);

        var stored = Assert.Single(await postfix.WaitForMailAsync("ada", 1, Cancellation));
        Assert.True(stored.AsSpan().EndsWith(Unix(content)), "the content was changed on its way");

        var id = reply.Split(' ')[^1];
        var message = await relay.WaitForAsync($"/messages/{id}", m => m.GetProperty("recipients")[0].GetProperty("status").GetString() == "delivered", Cancellation);
        var delivered = message.GetProperty("timeline").EnumerateArray().Single(e => e.GetProperty("type").GetString() == "delivered");
        // It says how many octets where they came by BDAT.
        Assert.Matches("^250 2\\.0\\.0 Ok: (\\d+ bytes )?queued as ", delivered.GetProperty("reply").GetString());
        Assert.Equal($"127.0.0.1:{postfix.Port}", delivered.GetProperty("address").GetString());
    }

    [Fact]
    public async Task A_large_message_arrives_byte_for_byte()
    {
        await using var postfix = await PostfixServer.StartAsync(Cancellation);
        await using var relay = await RelayUnderTest.StartAsync(Cancellation, new RelaySetup().WithRoute(postfix.Port));
        await using var client = await Submitter.ConnectAsync(relay, Cancellation);
        var content = Header("large").Concat(Enumerable.Repeat("0123456789 abcdefghijklmnopqrstuvwxyz\r\n"u8.ToArray(), 150_000).SelectMany(line => line)).ToArray();

        await client.SubmitAsync("shop@sender.test", ["ada@postfix.test"], content, Cancellation);

        var stored = Assert.Single(await postfix.WaitForMailAsync("ada", 1, Cancellation));
        Assert.True(stored.AsSpan().EndsWith(Unix(content)), "the content was changed on its way");
    }

    [Fact]
    public async Task A_5xx_gives_the_sender_a_report_and_the_others_their_mail()
    {
        await using var postfix = await PostfixServer.StartAsync(Cancellation);
        await using var relay = await RelayUnderTest.StartAsync(Cancellation, new RelaySetup().WithRoute(postfix.Port));
        await using var client = await Submitter.ConnectAsync(relay, Cancellation);

        var reply = await client.SubmitAsync("bob@postfix.test", ["ada@postfix.test", "nobody@postfix.test"], Difficult(), Cancellation);

        Assert.Single(await postfix.WaitForMailAsync("ada", 1, Cancellation));
        var report = Encoding.UTF8.GetString(Assert.Single(await postfix.WaitForMailAsync("bob", 1, Cancellation)));
        Assert.StartsWith("Return-Path: <>", report, StringComparison.Ordinal);
        Assert.Contains("multipart/report", report, StringComparison.Ordinal);
        Assert.Contains("Final-Recipient: rfc822;", report, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("nobody@postfix.test", report, StringComparison.Ordinal);
        Assert.Contains("User unknown in virtual mailbox table", report, StringComparison.Ordinal);

        var message = await relay.GetAsync($"/messages/{reply.Split(' ')[^1]}", Cancellation);
        var bounced = message.GetProperty("timeline").EnumerateArray().Single(e => e.GetProperty("type").GetString() == "bounced");
        Assert.Equal("nobody@postfix.test", bounced.GetProperty("recipient").GetString());
        Assert.StartsWith("550 5.1.1 ", bounced.GetProperty("reply").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_came_by_http_arrives_as_a_message_that_postfix_keeps()
    {
        await using var postfix = await PostfixServer.StartAsync(Cancellation);
        await using var relay = await RelayUnderTest.StartAsync(Cancellation, new RelaySetup().WithRoute(postfix.Port));

        await relay.SendAsync(new { from = "Shöp <shop@sender.test>", to = "ada@postfix.test", subject = "Grüße", text = "Hallo\n.\nAda", html = "<p>Hallo</p>" }, Cancellation);

        using var stored = new MemoryStream(Assert.Single(await postfix.WaitForMailAsync("ada", 1, Cancellation)));
        using var message = await MimeKit.MimeMessage.LoadAsync(stored, Cancellation);
        Assert.Equal("Grüße", message.Subject);
        Assert.Equal("Shöp", message.From.Mailboxes.Single().Name);
        Assert.Equal("Hallo\n.\nAda", message.TextBody!.ReplaceLineEndings("\n").TrimEnd());
    }

    // Dots, trailing blanks, 8-bit octets that are no UTF-8, tabs, a long line, an empty end.
    private static byte[] Difficult() =>
    [
        .. Header("difficult"),
        .. "..two dots\r\n.\r\n. \r\n\ttab and blanks  \t \r\n"u8,
        .. new byte[] { 0xE4, 0xF6, 0xFC, 0xFF, 0x80, (byte)'\r', (byte)'\n' },
        .. Encoding.ASCII.GetBytes(new string('x', 900) + "\r\n"),
        .. "From here\r\n>From there\r\n\r\n\r\n"u8,
    ];

    private static byte[] Header(string subject) => Encoding.ASCII.GetBytes(
        $"Received: from app.sender.test by app.sender.test; Mon, 1 Jan 2024 00:00:00 +0000\r\nFROM:   \"Shop\"  <shop@sender.test>\r\nTo: ada@postfix.test\r\n"
        + $"Subject: {subject}\r\n =?utf-8?q?folded_=C3=BC?=\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\nMessage-ID: <{Guid.NewGuid():N}@sender.test>\r\n"
        + "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\nX-Odd:value\r\n\r\n");

    // A Maildir holds lines that end with LF.
    private static byte[] Unix(byte[] content) => [.. content.Where(octet => octet != '\r')];
}
