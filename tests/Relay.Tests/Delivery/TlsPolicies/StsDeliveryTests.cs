using Relay.Delivery.Routing;
using Relay.Delivery.TlsPolicies;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.TestKit.Dns;
using Relay.TestKit.Remote;

namespace Relay.Tests.Delivery.TlsPolicies;

/// <summary>What an MTA-STS policy lets mail do (RFC 8461, 4 and 5).</summary>
public sealed class StsDeliveryTests
{
    [Fact]
    public async Task An_enforced_policy_is_met_by_a_host_that_it_names_and_that_proves_itself()
    {
        await using var scene = await StsScene.StartAsync();
        scene.Server.Serve("enforce", StsScene.Week, "*.remote.test");

        var delivered = (await scene.Delivery.SendAsync("a@remote.test"))[0];

        Assert.Equal((MailEventType.Delivered, "mta-sts enforce", "certificate"), (delivered.Type, delivered.TlsPolicy, delivered.TlsProof));
        Assert.StartsWith("GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.remote.test", Assert.Single(scene.Server.Requests), StringComparison.Ordinal);
        Assert.Equal("mx.remote.test", scene.Remote.Sessions[0].ServerName);
    }

    [Theory]
    [InlineData("other.test", "connection.unproved", "does not name mx.remote.test")]
    [InlineData(null, "connection.unproved", "no authority")]
    [InlineData("", "connection.no-tls", "does not offer STARTTLS")]
    public async Task Under_an_enforced_policy_a_host_that_does_not_prove_itself_gets_nothing(string? names, string rule, string words)
    {
        await using var scene = await StsScene.StartAsync(names);
        scene.Server.Serve("enforce", StsScene.Week, "mx.remote.test");

        var deferred = (await scene.Delivery.SendAsync("a@remote.test"))[0];

        Assert.Equal((MailEventType.Deferred, rule, "mta-sts enforce"), (deferred.Type, deferred.Rule, deferred.TlsPolicy));
        Assert.Contains(words, deferred.Reply, StringComparison.Ordinal);
        Assert.NotEmpty(scene.Remote.Sessions);
        Assert.All(scene.Remote.Sessions, s => Assert.DoesNotContain(s.Commands, c => c.StartsWith("MAIL", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Under_an_enforced_policy_a_certificate_that_has_run_out_proves_nothing()
    {
        using var authority = TestAuthority.Create();
        await using var scene = await StsScene.StartAsync();
        await using var late = ScriptedSmtpServer.Start(
            new RemoteScript { Tls = RemoteTls.StartTls, Certificate = scene.Authority.For("mx.remote.test", -10, -5) }, "127.0.0.9", scene.Remote.Port);
        scene.Dns.Remove("mx.remote.test").A("mx.remote.test", "127.0.0.9");
        scene.Server.Serve("enforce", StsScene.Week, "mx.remote.test");

        Assert.Contains("is valid from", (await scene.Delivery.SendAsync("a@remote.test"))[0].Reply, StringComparison.Ordinal);
        Assert.Empty(late.Messages);
    }

    [Fact]
    public async Task A_host_that_an_enforced_policy_does_not_name_is_not_even_connected_to()
    {
        await using var scene = await StsScene.StartAsync();
        scene.Server.Serve("enforce", StsScene.Week, "mail.remote.test");

        var deferred = (await scene.Delivery.SendAsync("a@remote.test"))[0];

        Assert.Equal((MailEventType.Deferred, "route.mta-sts"), (deferred.Type, deferred.Rule));
        Assert.Empty(scene.Remote.Sessions);
    }

    [Fact]
    public async Task Nor_is_one_whose_name_is_an_address()
    {
        await using var scene = await StsScene.StartAsync();
        scene.Dns.Remove("remote.test").Mx("remote.test", (10, "127.0.0.1"));
        scene.Server.Serve("enforce", StsScene.Week, "mx.remote.test");

        var deferred = (await scene.Delivery.SendAsync("a@remote.test"))[0];

        Assert.Equal((MailEventType.Deferred, "route.mta-sts"), (deferred.Type, deferred.Rule));
        Assert.Empty(scene.Remote.Sessions);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Domains_whose_policies_name_other_hosts_share_no_site(bool enforced)
    {
        var mode = enforced ? StsMode.Enforce : StsMode.Testing;
        RouteHost[] hosts = [new("mx1.test", 25, 10), new("mx2.test", 25, 20)];
        string KeyOf(params string[] named) => RoutePlan.ToExchangers(hosts, new StsPolicy(mode, StsScene.Week, named)).Key;

        Assert.Equal(4, new[] { KeyOf("mx1.test"), KeyOf("mx2.test"), KeyOf("mx1.test", "mx2.test"), KeyOf("other.test") }.Distinct().Count());
        Assert.Equal(KeyOf("mx1.test", "mx2.test"), KeyOf("*.test"));
    }

    [Fact]
    public async Task Of_several_hosts_the_one_that_the_policy_names_is_taken()
    {
        await using var scene = await StsScene.StartAsync();
        scene.Dns.Mx("remote.test", (5, "forged.test")).A("forged.test", "127.0.0.1");
        scene.Server.Serve("enforce", StsScene.Week, "mx.remote.test");

        Assert.Equal("mx.remote.test", (await scene.Delivery.SendAsync("a@remote.test"))[0].Host);
    }

    [Theory]
    [InlineData("other.test", "mx.remote.test")]
    [InlineData("", "mx.remote.test")]
    [InlineData("mx.remote.test", "mail.remote.test")]
    public async Task A_policy_on_trial_keeps_no_mail_back(string certificate, string named)
    {
        await using var scene = await StsScene.StartAsync(certificate);
        scene.Server.Serve("testing", StsScene.Week, named);

        var delivered = (await scene.Delivery.SendAsync("a@remote.test"))[0];

        Assert.Equal((MailEventType.Delivered, "mta-sts testing"), (delivered.Type, delivered.TlsPolicy));
        Assert.Contains(scene.Delivery.Log, line => line.StartsWith("Warning: mx.remote.test [127.0.0.1", StringComparison.Ordinal) && line.Contains("would have been refused for remote.test", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_policy_on_trial_leads_no_mail_to_another_host()
    {
        await using var scene = await StsScene.StartAsync();
        await using var backup = ScriptedSmtpServer.Start(null, "127.0.0.2", scene.Remote.Port);
        scene.Dns.Mx("remote.test", (20, "backup.remote.test")).A("backup.remote.test", "127.0.0.2");
        scene.Server.Serve("testing", StsScene.Week, "backup.remote.test");

        var delivered = (await scene.Delivery.SendAsync("a@remote.test"))[0];

        Assert.Equal((MailEventType.Delivered, "mx.remote.test", "mta-sts testing"), (delivered.Type, delivered.Host, delivered.TlsPolicy));
        Assert.Contains(scene.Delivery.Log, line => line.Contains("would have been refused for remote.test", StringComparison.Ordinal) && line.Contains("ValidationFailure", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(RemoteStage.StartTls, "454 4.7.0 TLS not available")]
    [InlineData(RemoteStage.Handshake, null)]
    public async Task Nor_does_one_where_TLS_breaks_and_what_would_have_come_of_it_is_told(RemoteStage stage, string? reply)
    {
        await using var scene = await StsScene.StartAsync();
        scene.Script.On(stage, reply is null ? RemoteAnswer.Close : RemoteAnswer.Say(reply));
        scene.Server.Serve("testing", StsScene.Week, "mx.remote.test");

        var delivered = (await scene.Delivery.SendAsync("a@remote.test"))[0];

        Assert.Equal((MailEventType.Delivered, "mta-sts testing", null), (delivered.Type, delivered.TlsPolicy, delivered.Tls));
        Assert.Contains(scene.Delivery.Log, line => line.StartsWith("Warning: mx.remote.test [127.0.0.1", StringComparison.Ordinal) && line.Contains("would have been refused for remote.test", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_policy_that_was_taken_back_asks_for_nothing()
    {
        await using var scene = await StsScene.StartAsync(names: "");
        scene.Server.Serve("none", StsScene.Week);

        var delivered = (await scene.Delivery.SendAsync("a@remote.test"))[0];

        Assert.Equal((MailEventType.Delivered, null), (delivered.Type, delivered.TlsPolicy));
    }

    [Fact]
    public async Task A_policy_that_is_not_to_be_obeyed_is_not_asked_for()
    {
        await using var scene = await StsScene.StartAsync(names: "", settings: ("Delivery:Tls:MtaSts", false));
        scene.Server.Serve("enforce", StsScene.Week, "mx.remote.test");

        Assert.Equal(MailEventType.Delivered, (await scene.Delivery.SendAsync("a@remote.test"))[0].Type);
        Assert.DoesNotContain(scene.Dns.Questions, q => q.Name.StartsWith("_mta-sts", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Mail_under_a_policy_takes_no_connection_that_was_opened_without_one()
    {
        await using var scene = await StsScene.StartAsync();
        scene.Server.Serve("enforce", StsScene.Week, "mx.remote.test");
        scene.Dns.Mx("neighbour.test", (10, "mx.remote.test"));

        Assert.Null((await scene.Delivery.SendAsync("a@neighbour.test"))[0].TlsPolicy);
        Assert.Equal("mta-sts enforce", (await scene.Delivery.SendAsync("a@remote.test"))[0].TlsPolicy);

        Assert.Equal(2, scene.Remote.Sessions.Count);
    }

    [Fact]
    public async Task What_the_sender_waives_goes_where_the_policy_forbids()
    {
        await using var scene = await StsScene.StartAsync(names: "");
        scene.Server.Serve("enforce", StsScene.Week, "mail.remote.test");

        var delivered = (await scene.Delivery.SendAsync(A.Demanding(TlsDemand.Waived, scene.Delivery.Time, "a@remote.test")))[0];
        var deferred = (await scene.Delivery.SendAsync("b@remote.test"))[0];

        Assert.Equal(MailEventType.Delivered, delivered.Type);
        Assert.Equal(MailEventType.Deferred, deferred.Type);
        Assert.Single(scene.Remote.Messages);
    }
}
