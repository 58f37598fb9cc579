using Relay.Delivery.Connections;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.TestKit.Dns;
using Relay.TestKit.Remote;

namespace Relay.Tests.Delivery.TlsPolicies;

/// <summary>A message that demands more TLS than its destination takes only a connection that proves it.</summary>
public sealed class TlsDemandTests
{
    [Fact]
    public async Task A_message_that_demands_proof_takes_no_connection_that_has_none()
    {
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript { Tls = RemoteTls.StartTls });
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, ("Delivery:Routes:0:Tls", "Opportunistic"));

        Assert.Equal(MailEventType.Delivered, (await delivery.SendAsync("a@remote.test"))[0].Type);
        var deferred = (await delivery.SendAsync(A.Demanding(TlsDemand.Verified, delivery.Time, "a@remote.test")))[0];

        Assert.Equal((MailEventType.Deferred, "connection.unproved", "message"), (deferred.Type, deferred.Rule, deferred.TlsPolicy));
        Assert.Single(remote.Messages);
    }

    [Fact]
    public async Task A_connection_that_happens_to_be_proved_carries_what_demands_it()
    {
        await using var scene = await OpportunisticAsync("mx.remote.test");

        Assert.Equal("certificate", (await scene.Delivery.SendAsync("a@remote.test"))[0].TlsProof);
        Assert.Equal("certificate", (await scene.Delivery.SendAsync(A.Demanding(TlsDemand.Verified, scene.Delivery.Time, "a@remote.test")))[0].TlsProof);

        Assert.Single(scene.Remote.Sessions);
    }

    [Fact]
    public async Task Each_new_connection_proves_the_host_anew_though_its_session_is_resumed()
    {
        await using var scene = await StsScene.StartAsync(settings: ("Delivery:MessagesPerConnection", 1));
        scene.Server.Serve("enforce", StsScene.Week, "mx.remote.test");

        for (var i = 0; i < 4; i++)
        {
            Assert.Equal("certificate", (await scene.Delivery.SendAsync($"a{i}@remote.test"))[0].TlsProof);
        }

        // Nobody vouches for it any more.
        using var other = TestAuthority.Create("Somebody Else");
        scene.Delivery.Part<Greeter>().ChainPolicy = other.Policy;
        var deferred = (await scene.Delivery.SendAsync("b@remote.test"))[0];
        Assert.Equal((MailEventType.Deferred, "connection.unproved"), (deferred.Type, deferred.Rule));
        Assert.Equal(5, scene.Remote.Sessions.Count);
    }

    [Fact]
    public async Task What_one_message_demands_in_vain_keeps_no_other_back()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        for (var i = 0; i < 8; i++)
        {
            Assert.Equal(MailEventType.Deferred, (await delivery.SendAsync(A.Demanding(TlsDemand.Verified, delivery.Time, $"a{i}@remote.test")))[0].Type);
        }

        Assert.Equal(MailEventType.Delivered, (await delivery.SendAsync("b@remote.test"))[0].Type);
    }

    [Theory]
    [InlineData(true, MailEventType.Delivered, null)]
    [InlineData(false, MailEventType.Bounced, "content.needs-requiretls")]
    public async Task REQUIRETLS_goes_only_to_a_remote_that_offers_it(bool offered, MailEventType end, string? rule)
    {
        await using var scene = await StsScene.StartAsync();
        scene.Server.Serve("enforce", StsScene.Week, "mx.remote.test");
        if (offered)
        {
            scene.Script.Capabilities.Add("REQUIRETLS");
        }

        var happened = (await scene.Delivery.SendAsync(A.Demanding(TlsDemand.RequireTls, scene.Delivery.Time, "a@remote.test")))[0];

        Assert.Equal((end, rule), (happened.Type, happened.Rule));
        Assert.Equal(offered, scene.Remote.Sessions[0].Commands.Any(c => c.StartsWith("MAIL", StringComparison.Ordinal) && c.EndsWith(" REQUIRETLS", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task REQUIRETLS_is_asked_of_each_host_before_its_want_ends_the_message(bool offered)
    {
        await using var scene = await StsScene.StartAsync();
        var script = new RemoteScript { HostName = "second.remote.test", Tls = RemoteTls.StartTls, Certificate = scene.Authority.For("second.remote.test") };
        if (offered)
        {
            script.Capabilities.Add("REQUIRETLS");
        }

        await using var second = ScriptedSmtpServer.Start(script, "127.0.0.2", scene.Remote.Port);
        scene.Dns.Mx("remote.test", (20, "second.remote.test")).A("second.remote.test", "127.0.0.2");
        scene.Server.Serve("enforce", StsScene.Week, "*.remote.test");

        // It leaves a warm connection to the first host, which will not do.
        Assert.Equal("mx.remote.test", (await scene.Delivery.SendAsync("a@remote.test"))[0].Host);
        var happened = (await scene.Delivery.SendAsync(A.Demanding(TlsDemand.RequireTls, scene.Delivery.Time, "b@remote.test")))[0];

        Assert.Equal(
            offered ? (MailEventType.Delivered, "second.remote.test", null) : (MailEventType.Bounced, "second.remote.test", "content.needs-requiretls"),
            (happened.Type, happened.Host, happened.Rule));
        Assert.Equal(offered ? 1 : 0, second.Messages.Count);
        Assert.Single(scene.Remote.Messages);
    }

    [Fact]
    public async Task REQUIRETLS_goes_to_no_host_that_only_an_unproved_MX_names()
    {
        await using var scene = await OpportunisticAsync("mx.remote.test");
        scene.Script.Capabilities.Add("REQUIRETLS");

        var bounced = (await scene.Delivery.SendAsync(A.Demanding(TlsDemand.RequireTls, scene.Delivery.Time, "a@remote.test")))[0];

        Assert.Equal((MailEventType.Bounced, "content.needs-requiretls"), (bounced.Type, bounced.Rule));
        Assert.Empty(scene.Remote.Sessions);
    }

    [Fact]
    public async Task The_word_REQUIRETLS_is_said_of_no_other_message()
    {
        await using var scene = await StsScene.StartAsync();
        scene.Server.Serve("enforce", StsScene.Week, "mx.remote.test");
        scene.Script.Capabilities.Add("REQUIRETLS");

        await scene.Delivery.SendAsync("a@remote.test");

        Assert.DoesNotContain("REQUIRETLS", scene.Remote.Messages[0].MailFrom, StringComparison.Ordinal);
    }

    private static async Task<StsScene> OpportunisticAsync(string names)
    {
        var scene = await StsScene.StartAsync(names);
        scene.ChangeRecord(null);
        return scene;
    }
}
