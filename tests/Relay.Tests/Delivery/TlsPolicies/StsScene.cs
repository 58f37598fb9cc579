using Relay.Delivery.Connections;
using Relay.Delivery.Routing;
using Relay.Delivery.TlsPolicies;
using Relay.TestKit.Dns;
using Relay.TestKit.Remote;

namespace Relay.Tests.Delivery.TlsPolicies;

/// <summary>A domain with a policy, the server of its policy, one mail exchanger, and a relay that trusts the test's authority.</summary>
internal sealed class StsScene : IAsyncDisposable
{
    public static readonly TimeSpan Week = TimeSpan.FromDays(7);

    private StsScene(TestAuthority authority, ScriptedDns dns, PolicyServer server, RemoteScript script, ScriptedSmtpServer remote, DeliveryUnderTest delivery)
    {
        Authority = authority;
        Dns = dns;
        Server = server;
        Script = script;
        Remote = remote;
        Delivery = delivery;
    }

    public TestAuthority Authority { get; }
    public ScriptedDns Dns { get; }
    public PolicyServer Server { get; }
    public RemoteScript Script { get; }
    public ScriptedSmtpServer Remote { get; }
    public DeliveryUnderTest Delivery { get; }

    /// <param name="names">What the exchanger's certificate names; null gives it one that nobody vouches for, empty no TLS at all.</param>
    /// <param name="policyHost">What the policy server's certificate names.</param>
    public static async Task<StsScene> StartAsync(string? names = "mx.remote.test", string policyHost = "mta-sts.remote.test", params (string, object)[] settings)
    {
        var authority = TestAuthority.Create();
        var script = new RemoteScript { HostName = "mx.remote.test", Tls = names is "" ? RemoteTls.None : RemoteTls.StartTls };
        script.Certificate = names is null or "" ? null : authority.For(names);
        var remote = ScriptedSmtpServer.Start(script);
        var server = PolicyServer.Start(authority.For(policyHost));
        var dns = ScriptedDns.Start()
            .Mx("remote.test", (10, "mx.remote.test")).A("mx.remote.test", "127.0.0.1")
            .A("mta-sts.remote.test", "127.0.0.1").Txt("_mta-sts.remote.test", "v=STSv1; id=1;");
        var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, remote.Port, settings);
        delivery.Part<Greeter>().ChainPolicy = authority.Policy;
        delivery.Part<StsFetcher>().Port = server.Port;
        delivery.Part<CheckedHttp>().Trust(authority.Policy);
        return new StsScene(authority, dns, server, script, remote, delivery);
    }

    public void ChangeRecord(string? id)
    {
        Dns.Remove("_mta-sts.remote.test");
        if (id is not null)
        {
            Dns.Txt("_mta-sts.remote.test", $"v=STSv1; id={id};");
        }
    }

    /// <summary>Lets what is known of DNS run out.</summary>
    public void LetRecordsAge() => Delivery.Time.Advance(TimeSpan.FromMinutes(16));

    public async ValueTask DisposeAsync()
    {
        await Delivery.DisposeAsync();
        await Remote.DisposeAsync();
        await Server.DisposeAsync();
        await Dns.DisposeAsync();
        Authority.Dispose();
    }
}
