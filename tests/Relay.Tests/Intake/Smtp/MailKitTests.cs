using System.Net;
using MailKit.Net.Smtp;
using MailKit.Security;
using MimeKit;

namespace Relay.Tests.Intake.Smtp;

/// <summary>A client as people use it, over each kind of listener.</summary>
public sealed class MailKitTests
{
    [Theory]
    [InlineData(SecureSocketOptions.StartTls)]
    [InlineData(SecureSocketOptions.SslOnConnect)]
    [InlineData(SecureSocketOptions.None)]
    public async Task Mail_goes_through(SecureSocketOptions security)
    {
        await using var door = await DoorUnderTest.StartAsync();
        using var client = await ConnectAsync(door, security);

        var reply = await client.SendAsync(Mail("Grüße"), TestContext.Current.CancellationToken);
        await client.DisconnectAsync(quit: true, TestContext.Current.CancellationToken);

        Assert.Equal($"2.0.0 Ok: queued as {door.TheMessage.Id}", reply);
        Assert.Equal("Grüße", door.TheMessage.Subject);
        Assert.Equal(2, door.TheMessage.Envelope.Recipients.Count);
    }

    [Fact]
    public async Task Many_mails_go_over_one_connection()
    {
        await using var door = await DoorUnderTest.StartAsync();
        using var client = await ConnectAsync(door, SecureSocketOptions.StartTls);

        for (var i = 0; i < 20; i++)
        {
            await client.SendAsync(Mail($"{i}"), TestContext.Current.CancellationToken);
        }

        Assert.Equal(20, door.Queue.Accepted.Count);
    }

    [Fact]
    public async Task A_mail_of_several_megabytes_goes_through_TLS()
    {
        await using var door = await DoorUnderTest.StartAsync();
        using var client = await ConnectAsync(door, SecureSocketOptions.SslOnConnect);

        var mail = Mail("large");
        var body = new BodyBuilder { TextBody = "see attachment" };
        body.Attachments.Add("zeros.bin", new byte[4_000_000]);
        mail.Body = body.ToMessageBody();
        await client.SendAsync(mail, TestContext.Current.CancellationToken);

        Assert.True(door.TheMessage.Content.Length > 5_000_000);
    }

    private static async Task<SmtpClient> ConnectAsync(DoorUnderTest door, SecureSocketOptions security)
    {
        var endPoint = security switch
        {
            SecureSocketOptions.StartTls => door.StartTls,
            SecureSocketOptions.SslOnConnect => door.Implicit,
            _ => door.ClearText,
        };
        var client = new SmtpClient { ServerCertificateValidationCallback = (_, _, _, _) => true, CheckCertificateRevocation = false };
        await client.ConnectAsync(IPAddress.Loopback.ToString(), endPoint.Port, security, TestContext.Current.CancellationToken);
        await client.AuthenticateAsync("relay", DoorUnderTest.Key, TestContext.Current.CancellationToken);
        return client;
    }

    private static MimeMessage Mail(string subject)
    {
        var mail = new MimeMessage { Subject = subject, Body = new TextPart("plain") { Text = "Hello\n.\nWorld" } };
        mail.From.Add(new MailboxAddress("Shop", "shop@sender.test"));
        mail.To.Add(new MailboxAddress("Ann", "ann@example.test"));
        mail.Bcc.Add(new MailboxAddress("Bob", "bob@example.test"));
        return mail;
    }
}
