using Microsoft.Extensions.Time.Testing;
using Relay.Mail.Messages;
using Relay.TestKit.Smtp;

namespace Relay.Tests.Intake.Smtp;

public sealed class TlsTests
{
    private static readonly string Right = DoorUnderTest.Plain(DoorUnderTest.Key);

    [Fact]
    public async Task STARTTLS_forgets_what_was_said_before_and_offers_a_login()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.GreetAsync(door.StartTls);

        await client.Says("STARTTLS", expect: "220 2.0.0 ");
        await client.Encrypts();
        await client.Says("MAIL FROM:<a@sender.test>", expect: "503 5.5.1 ");
        var reply = await client.Says("EHLO again.test", expect: "250 ");
        Assert.Contains("\n250-AUTH PLAIN LOGIN\n", reply, StringComparison.Ordinal);
        Assert.DoesNotContain("STARTTLS", reply, StringComparison.Ordinal);
        await client.Says("STARTTLS", expect: "503 5.5.1 ");
        await client.Says($"AUTH PLAIN {Right}", expect: "235 ");
        await client.Says("MAIL FROM:<shop@sender.test>", expect: "250 ");
        await client.Says("RCPT TO:<ann@example.test>", expect: "250 ");
        await client.Says("DATA", expect: "354 ");
        await client.SendsRaw("From: shop@sender.test\r\n\r\nbody\r\n.\r\n");
        await client.Expects("250 ");
        await client.Says("QUIT", expect: "221 ");
        await client.ExpectsEnd();

        Assert.Matches(@"^Received: from again\.test \(\[127\.0\.0\.1\]\)\r\n\tby mx\.relay\.test with ESMTPSA id \S+\r\n\t\(using TLSv1\.[23] with cipher TLS_[A-Z0-9_]+\);\r\n\t", door.ThePrologue);
    }

    [Fact]
    public async Task Implicit_TLS_greets_inside()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await SmtpConversation.ConnectTlsAsync(door.Implicit, TestContext.Current.CancellationToken);

        await client.Expects("220 ");
        var reply = await client.Says("EHLO client.test", expect: "250 ");
        Assert.Contains("\n250-AUTH PLAIN LOGIN\n", reply, StringComparison.Ordinal);
        await client.Says($"AUTH PLAIN {Right}", expect: "235 ");
    }

    [Fact]
    public async Task No_login_and_no_mail_before_TLS()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.GreetAsync(door.StartTls);

        await client.Says($"AUTH PLAIN {Right}", expect: "538 5.7.11 ");
        await client.Says("AUTH LOGIN", expect: "538 5.7.11 ");
        await client.Says("MAIL FROM:<a@sender.test>", expect: "530 5.7.0 Must issue a STARTTLS");
        await client.Says("STARTTLS now", expect: "501 5.5.4 ");
    }

    [Theory]
    [InlineData("STARTTLS\r\nEHLO evil.test\r\n")]
    [InlineData("STARTTLS\r\nN")]
    public async Task Nothing_sent_before_the_handshake_survives_it(string segment)
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.GreetAsync(door.StartTls);

        await client.SendsRaw(segment);
        await client.Expects("554 5.5.0 ");
        await client.ExpectsEnd();
    }

    [Fact]
    public async Task Without_a_certificate_STARTTLS_is_not_offered()
    {
        await using var door = await DoorUnderTest.StartAsync(certificate: false);
        await using var client = await door.ConnectAsync(door.StartTls);

        await client.Expects("220 ");
        Assert.DoesNotContain("STARTTLS", await client.Says("EHLO client.test", expect: "250 "), StringComparison.Ordinal);
        await client.Says("STARTTLS", expect: "454 4.7.0 ");
    }

    [Fact]
    public async Task A_handshake_that_is_none_ends_the_session()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.GreetAsync(door.StartTls);

        await client.Says("STARTTLS", expect: "220 ");
        await client.SendsRaw("EHLO in.clear.test\r\n");
        await door.Log.WaitForAsync("is over", TestContext.Current.CancellationToken);
        Assert.DoesNotContain(door.Log.Lines, line => line.Level >= Microsoft.Extensions.Logging.LogLevel.Warning);
    }

    [Fact]
    public async Task REQUIRETLS_is_offered_and_taken_under_TLS_alone()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var clear = await door.GreetAsync(door.ClearText);
        Assert.DoesNotContain("REQUIRETLS", await clear.Says("EHLO client.test", expect: "250 "), StringComparison.Ordinal);
        await clear.Says($"AUTH PLAIN {Right}", expect: "235 ");
        await clear.Says("MAIL FROM:<shop@sender.test> REQUIRETLS", expect: "555 5.5.4 ");

        await using var client = await SmtpConversation.ConnectTlsAsync(door.Implicit, TestContext.Current.CancellationToken);
        await client.Expects("220 ");
        Assert.Contains("\n250-REQUIRETLS\n", await client.Says("EHLO client.test", expect: "250 "), StringComparison.Ordinal);
        await client.Says($"AUTH PLAIN {Right}", expect: "235 ");
        await client.Says("MAIL FROM:<shop@sender.test> REQUIRETLS=1", expect: "501 5.5.4 ");
        await client.Says("MAIL FROM:<shop@sender.test> REQUIRETLS", expect: "250 ");
        await client.Says("RCPT TO:<ann@example.test>", expect: "250 ");
        await client.Says("DATA", expect: "354 ");
        await client.SendsRaw("From: shop@sender.test\r\n\r\nbody\r\n.\r\n");
        await client.Expects("250 ");

        Assert.Equal(TlsDemand.RequireTls, door.TheMessage.Envelope.Tls);
    }

    [Fact]
    public async Task A_handshake_that_does_not_come_is_given_up()
    {
        var time = new FakeTimeProvider();
        await using var door = await DoorUnderTest.StartAsync(time: time);
        await using var client = await door.GreetAsync(door.StartTls);

        await client.Says("STARTTLS", expect: "220 ");
        var end = client.ExpectsEnd();
        while (!end.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(30));
            await Task.WhenAny(end, Task.Delay(5, TestContext.Current.CancellationToken));
        }

        await end;
    }

    [Fact]
    public async Task The_end_of_TLS_in_the_middle_of_a_chunk_is_the_end()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.GreetAsync(door.StartTls);
        await client.Says("STARTTLS", expect: "220 ");
        await client.Encrypts();
        await client.Says("EHLO client.test", expect: "250 ");
        await client.Says($"AUTH PLAIN {Right}", expect: "235 ");
        await client.Says("MAIL FROM:<shop@sender.test>", expect: "250 ");
        await client.Says("RCPT TO:<ann@example.test>", expect: "250 ");

        await client.SendsRaw("BDAT 40 LAST\r\nFrom: shop@sender.test\r\n");
        await client.EndsTls();
        await client.SendsRaw("\r\nin clear text\r\nQUIT\r\n");
        await door.Log.WaitForAsync("is over", TestContext.Current.CancellationToken);
        Assert.Empty(door.Queue.Accepted);
    }
}
