using System.Security.Cryptography.X509Certificates;
using Relay.Delivery.Connections;
using Relay.Mail.Events;
using Relay.TestKit.Remote;

namespace Relay.Tests.Delivery.Connections;

public sealed class TlsTests
{
    [Fact]
    public async Task TLS_is_taken_where_it_is_offered_whoever_signed_the_certificate()
    {
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript { Tls = RemoteTls.StartTls });
        await using var delivery = await StartAsync(remote, "Opportunistic");

        var delivered = (await delivery.SendAsync("a@remote.test"))[0];

        Assert.Equal(MailEventType.Delivered, delivered.Type);
        Assert.Matches("^TLS1\\.[23] TLS_", delivered.Tls);
        Assert.Equal(["EHLO relay.test", "STARTTLS", "EHLO relay.test"], remote.Sessions[0].Commands.Take(3));
    }

    [Fact]
    public async Task A_large_message_goes_through_TLS_unchanged()
    {
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript { Tls = RemoteTls.StartTls });
        await using var delivery = await StartAsync(remote, "Opportunistic");
        var body = string.Concat(Enumerable.Range(0, 20_000).Select(i => $".{i} {new string('x', 60)}\r\n"));

        await delivery.SendAsync(A.MessageOf(body, delivery.Time, "a@remote.test"));

        Assert.EndsWith(body, remote.Messages[0].Text);
    }

    [Theory]
    [InlineData(RemoteStage.StartTls, "454 4.7.0 TLS is not available")]
    [InlineData(RemoteStage.Handshake, null)]
    public async Task Broken_TLS_leads_to_clear_text_on_a_new_connection(RemoteStage stage, string? reply)
    {
        var answer = reply is null ? RemoteAnswer.Close : RemoteAnswer.Say(reply);
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript { Tls = RemoteTls.StartTls }.On(stage, answer));
        await using var delivery = await StartAsync(remote, "Opportunistic");

        var delivered = (await delivery.SendAsync("a@remote.test"))[0];

        Assert.Equal((MailEventType.Delivered, null), (delivered.Type, delivered.Tls));
        Assert.Equal(2, remote.Sessions.Count);
        Assert.DoesNotContain(remote.Sessions[0].Commands, c => c.StartsWith("MAIL", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Octets_behind_the_answer_to_STARTTLS_are_an_attack()
    {
        var script = new RemoteScript { Tls = RemoteTls.StartTls }.On(RemoteStage.StartTls, "220 Go\r\n250-remote.test\r\n250 AUTH PLAIN");
        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await StartAsync(remote, "Opportunistic");

        var deferred = (await delivery.SendAsync("a@remote.test"))[0];

        Assert.Equal((MailEventType.Deferred, "connection.no-tls"), (deferred.Type, deferred.Rule));
        Assert.Empty(remote.Messages);
    }

    [Theory]
    [InlineData("Required", RemoteTls.StartTls)]
    [InlineData("Implicit", RemoteTls.Implicit)]
    public async Task A_certificate_that_nobody_vouches_for_is_not_taken_where_TLS_is_required(string tls, RemoteTls offered)
    {
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript { Tls = offered });
        await using var delivery = await StartAsync(remote, tls);

        Assert.Equal(MailEventType.Deferred, (await delivery.SendAsync("a@remote.test"))[0].Type);
        Assert.Empty(remote.Messages);
    }

    [Theory]
    [InlineData("Required", RemoteTls.StartTls, "127.0.0.1", true)]
    [InlineData("Implicit", RemoteTls.Implicit, "127.0.0.1", true)]
    [InlineData("Required", RemoteTls.StartTls, "other.test", false)]
    public async Task A_certificate_has_to_name_the_host(string tls, RemoteTls offered, string name, bool taken)
    {
        using var certificate = TestCertificate.For(name);
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript { Tls = offered, Certificate = certificate });
        await using var delivery = await StartAsync(remote, tls);
        delivery.Part<Greeter>().ChainPolicy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            CustomTrustStore = { certificate },
            RevocationMode = X509RevocationMode.NoCheck,
        };

        Assert.Equal(taken ? MailEventType.Delivered : MailEventType.Deferred, (await delivery.SendAsync("a@remote.test"))[0].Type);
    }

    [Fact]
    public async Task A_remote_without_TLS_gets_nothing_where_TLS_is_required()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await StartAsync(remote, "Required");

        Assert.Equal("connection.no-tls", (await delivery.SendAsync("a@remote.test"))[0].Rule);
    }

    [Fact]
    public async Task A_login_is_made_inside_TLS()
    {
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript { Tls = RemoteTls.StartTls, Login = ("me", "p\u00e4ss") });
        await using var delivery = await StartAsync(remote, "Opportunistic", ("Delivery:Routes:0:Username", "me"), ("Delivery:Routes:0:Password", "p\u00e4ss"));

        Assert.Equal(MailEventType.Delivered, (await delivery.SendAsync("a@remote.test"))[0].Type);
        Assert.Equal(("me", true), (remote.Sessions[0].User, remote.Sessions[0].IsTls));
    }

    [Fact]
    public async Task A_login_by_LOGIN_is_made_where_PLAIN_is_not_offered()
    {
        var script = new RemoteScript { Login = ("me", "secret") };
        script.On(RemoteStage.Ehlo, "250-remote.test\r\n250 AUTH LOGIN");
        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await StartAsync(remote, "None", ("Delivery:Routes:0:Username", "me"), ("Delivery:Routes:0:Password", "secret"));

        Assert.Equal(MailEventType.Delivered, (await delivery.SendAsync("a@remote.test"))[0].Type);
        Assert.Equal("me", remote.Sessions[0].User);
    }

    [Theory]
    [InlineData(RemoteTls.None)]
    [InlineData(RemoteTls.StartTls)]
    public async Task A_login_is_never_made_in_clear_text_because_TLS_failed(RemoteTls offered)
    {
        var script = new RemoteScript { Tls = offered, Login = ("me", "secret") }.On(RemoteStage.Handshake, RemoteAnswer.Close);
        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await StartAsync(remote, "Opportunistic", ("Delivery:Routes:0:Username", "me"), ("Delivery:Routes:0:Password", "secret"));

        Assert.Equal("connection.no-tls", (await delivery.SendAsync("a@remote.test"))[0].Rule);
        Assert.DoesNotContain(remote.Sessions.SelectMany(s => s.Commands), c => c.StartsWith("AUTH", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_wrong_login_bounces_no_mail()
    {
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript { Login = ("me", "secret") });
        await using var delivery = await StartAsync(remote, "None", ("Delivery:Routes:0:Username", "me"), ("Delivery:Routes:0:Password", "wrong"));

        var deferred = (await delivery.SendAsync("a@remote.test"))[0];

        Assert.Equal((MailEventType.Deferred, "535 5.7.8 No"), (deferred.Type, deferred.Reply));
    }

    private static Task<DeliveryUnderTest> StartAsync(ScriptedSmtpServer remote, string tls, params (string, object)[] more) =>
        DeliveryUnderTest.StartWithRouteAsync(remote, [("Delivery:Routes:0:Tls", tls), .. more]);
}
