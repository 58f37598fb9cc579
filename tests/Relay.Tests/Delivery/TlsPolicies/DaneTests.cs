using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DnsClient;
using Relay.Delivery.Routing;
using Relay.Delivery.Scheduling;
using Relay.Delivery.TlsPolicies;
using Relay.Delivery.TlsReports;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Policies;
using Relay.TestKit.Dns;
using Relay.TestKit.Remote;

namespace Relay.Tests.Delivery.TlsPolicies;

/// <summary>TLSA records of a domain that signs its zone decide whom mail is handed to (RFC 7672).</summary>
public sealed class DaneTests : IAsyncDisposable
{
    private readonly TestAuthority _root = TestAuthority.Create();
    private readonly TestAuthority _intermediate;
    private readonly ScriptedDns _dns = ScriptedDns.Start();
    private readonly RemoteScript _script = new() { HostName = "mx.remote.test", Tls = RemoteTls.StartTls };

    public DaneTests() => _intermediate = _root.Below();

    [Theory]
    [InlineData(3, 1, 1)]
    [InlineData(3, 1, 2)]
    [InlineData(3, 0, 1)]
    [InlineData(3, 1, 0)]
    [InlineData(3, 0, 0)]
    public async Task A_record_of_the_hosts_own_certificate_proves_it_whatever_the_certificate_says(int usage, int selector, int matching)
    {
        _script.Certificate = TestCertificate.For("some.other.test", DateTimeOffset.UtcNow.AddDays(-20), DateTimeOffset.UtcNow.AddDays(-10));
        await using var remote = Start(port => Tlsa(port, usage, selector, matching, _script.Certificate));
        await using var delivery = await DeliverAsync(remote);

        var delivered = (await delivery.SendAsync("a@remote.test"))[0];

        Assert.Equal((MailEventType.Delivered, "dane", $"dane {usage} {selector} {matching}"), (delivered.Type, delivered.TlsPolicy, delivered.TlsProof));
        Assert.Equal("mx.remote.test", remote.Sessions[0].ServerName);
    }

    [Theory]
    [InlineData(2, 0, 0, "root")]
    [InlineData(2, 0, 1, "intermediate")]
    [InlineData(2, 1, 2, "intermediate")]
    [InlineData(2, 0, 0, "intermediate")]
    public async Task A_record_of_an_authority_proves_whoever_it_vouches_for(int usage, int selector, int matching, string authority)
    {
        _script.Certificate = _intermediate.For("mx.remote.test");
        _script.Chain.Add(_intermediate.Certificate);
        await using var remote = Start(port => Tlsa(port, usage, selector, matching, (authority == "root" ? _root : _intermediate).Certificate));
        await using var delivery = await DeliverAsync(remote);

        var delivered = (await delivery.SendAsync("a@remote.test"))[0];

        Assert.Equal((MailEventType.Delivered, $"dane {usage} {selector} {matching}"), (delivered.Type, delivered.TlsProof));
    }

    [Theory]
    [InlineData("expired", "not valid at this time")]
    [InlineData("name", "does not name mx.remote.test")]
    [InlineData("signature", "no TLSA record fits")]
    [InlineData("namesake", "has not signed")]
    [InlineData("other key", "no TLSA record fits")]
    public async Task What_does_not_fit_the_record_gets_nothing(string fault, string words)
    {
        using var namesake = _root.Below();
        var record = _intermediate.Certificate;
        var usage = Relay.Delivery.TlsPolicies.Tlsa.Authority;
        _script.Chain.Add(_intermediate.Certificate);
        switch (fault)
        {
            case "expired":
                _script.Certificate = _intermediate.For("mx.remote.test", -10, -5);
                break;
            case "name":
                _script.Certificate = _intermediate.For("mx.other.test");
                break;
            case "signature":
                // The chain that is shown has the authority of nobody.
                _script.Certificate = namesake.For("mx.remote.test");
                _script.Chain.Clear();
                _script.Chain.Add(namesake.Certificate);
                break;
            case "namesake":
                // The record's authority stands beside the chain and has signed none of it.
                _script.Certificate = namesake.For("mx.remote.test");
                break;
            default:
                _script.Certificate = _intermediate.For("mx.remote.test");
                usage = Relay.Delivery.TlsPolicies.Tlsa.Host;
                break;
        }

        await using var remote = Start(port => Tlsa(port, usage, 1, 1, record));
        await using var delivery = await DeliverAsync(remote);

        var deferred = (await delivery.SendAsync("a@remote.test"))[0];

        Assert.Equal((MailEventType.Deferred, "connection.unproved", "dane"), (deferred.Type, deferred.Rule, deferred.TlsPolicy));
        Assert.Contains(words, deferred.Reply, StringComparison.Ordinal);
        Assert.Empty(remote.Messages);
    }

    [Fact]
    public async Task A_certificate_whose_names_cannot_be_read_proves_nothing_and_leaves_no_connection_behind()
    {
        _script.Certificate = _intermediate.ForGarbage("mx.remote.test");
        _script.Chain.Add(_intermediate.Certificate);
        await using var remote = Start(port => Tlsa(port, 2, 1, 1, _intermediate.Certificate));
        await using var delivery = await DeliverAsync(remote);

        var deferred = (await delivery.SendAsync("a@remote.test"))[0];

        Assert.Equal((MailEventType.Deferred, "connection.unproved"), (deferred.Type, deferred.Rule));
        Assert.Contains("cannot be read", deferred.Reply, StringComparison.Ordinal);
        await remote.WaitForClosedAsync(1, TestContext.Current.CancellationToken);
        Assert.Empty(remote.Messages);
    }

    [Fact]
    public async Task A_host_with_records_gets_nothing_without_TLS()
    {
        _script.Tls = RemoteTls.None;
        await using var remote = Start(port => Tlsa(port, 3, 1, 1, _root.Certificate));
        await using var delivery = await DeliverAsync(remote);

        Assert.Equal("connection.no-tls", (await delivery.SendAsync("a@remote.test"))[0].Rule);
        Assert.Empty(remote.Messages);
    }

    [Theory]
    [InlineData(0, 0, 1)]
    [InlineData(1, 0, 1)]
    [InlineData(3, 1, 9)]
    public async Task Records_that_cannot_be_used_demand_TLS_and_prove_nothing(int usage, int selector, int matching)
    {
        await using var remote = Start(port => Tlsa(port, usage, selector, matching, _root.Certificate));
        await using var delivery = await DeliverAsync(remote);

        var delivered = (await delivery.SendAsync("a@remote.test"))[0];
        Assert.Equal((MailEventType.Delivered, "dane", null), (delivered.Type, delivered.TlsPolicy, delivered.TlsProof));
        Assert.NotNull(delivered.Tls);
    }

    [Fact]
    public async Task Of_two_digests_of_the_same_thing_the_stronger_decides()
    {
        using var other = TestCertificate.For("mx.remote.test");
        _script.Certificate = TestCertificate.For("mx.remote.test");
        await using var remote = Start(port => Tlsa(port, 3, 1, 1, _script.Certificate).Tlsa($"_{port}._tcp.mx.remote.test", 3, 1, 2, DigestOf(1, 2, other)));
        await using var delivery = await DeliverAsync(remote);

        Assert.Equal("connection.unproved", (await delivery.SendAsync("a@remote.test"))[0].Rule);
    }

    [Theory]
    [InlineData("remote.test")]
    [InlineData("mx.remote.test")]
    [InlineData("_tlsa")]
    public async Task An_answer_that_was_not_validated_proves_and_demands_nothing(string unsigned)
    {
        await using var remote = Start(port => Tlsa(port, 3, 1, 1, _root.Certificate), unsigned);
        await using var delivery = await DeliverAsync(remote);

        var delivered = (await delivery.SendAsync("a@remote.test"))[0];

        Assert.Equal((MailEventType.Delivered, null), (delivered.Type, delivered.TlsPolicy));
    }

    [Fact]
    public async Task A_resolver_that_is_not_trusted_is_not_believed()
    {
        await using var remote = Start(port => Tlsa(port, 3, 1, 1, _root.Certificate));
        await using var delivery = await DeliverAsync(remote, ("Delivery:Dns:Trusted", false));

        Assert.Null((await delivery.SendAsync("a@remote.test"))[0].TlsPolicy);
        Assert.DoesNotContain(_dns.Questions, q => q.Type == 52);
    }

    [Fact]
    public async Task Records_that_cannot_be_had_keep_mail_back()
    {
        await using var remote = Start(port => Tlsa(port, 3, 1, 1, _root.Certificate).ServFail($"_{port}._tcp.mx.remote.test"));
        await using var delivery = await DeliverAsync(remote);

        var deferred = (await delivery.SendAsync("a@remote.test"))[0];

        Assert.Equal((MailEventType.Deferred, "route.dane-unknown"), (deferred.Type, deferred.Rule));
        Assert.Empty(remote.Sessions);
    }

    [Theory]
    [InlineData(QueryType.TLSA)]
    [InlineData(QueryType.CNAME)]
    public async Task Records_that_this_machine_cannot_ask_for_cost_no_attempt_and_are_no_fault_of_the_domain(QueryType type)
    {
        _script.Certificate = TestCertificate.For("mx.remote.test");
        await using var remote = Start(port => type == QueryType.TLSA
            ? Tlsa(port, 3, 1, 1, _script.Certificate)
            : Tlsa(port, 3, 1, 1, _script.Certificate).Remove("mx.remote.test").Cname("mx.remote.test", "real.test").A("real.test", "127.0.0.1"));
        _dns.Txt("_smtp._tls.remote.test", "v=TLSRPTv1; rua=mailto:tls@remote.test");
        await using var delivery = await DeliverAsync(remote);
        var resolver = delivery.Part<Resolver>();
        var ask = resolver.Query;
        resolver.Query = (name, asked) => asked == type ? throw new SocketException((int)SocketError.TooManyOpenSockets) : ask(name, asked);

        await delivery.AcceptAsync("a@remote.test");
        await WaitUntil.TrueAsync(() => delivery.Part<NodePause>().IsOn);
        await delivery.Part<TlsTally>().WriteAsync(TestContext.Current.CancellationToken);
        Assert.Empty(await delivery.Part<ITlsReportStore>().FindDomainsAsync(DateOnly.FromDateTime(DeliveryUnderTest.Began.Date), TestContext.Current.CancellationToken));
        resolver.Query = ask;
        await WaitUntil.TrueAsync(() =>
        {
            delivery.Time.Advance(delivery.Part<NodePause>().IsOn ? TimeSpan.FromSeconds(30) : TimeSpan.Zero);
            return delivery.Queue.Settlements.Count == 1;
        });

        var delivered = delivery.Queue.Settlements[0].Events[0];
        Assert.Equal((MailEventType.Delivered, 1), (delivered.Type, delivered.Attempt));
    }

    [Fact]
    public async Task The_records_of_an_alias_stand_at_its_end_or_else_at_the_alias()
    {
        _script.Certificate = TestCertificate.For("mx.remote.test");
        await using var remote = Start(port => _dns
            .Remove("mx.remote.test").Cname("mx.remote.test", "real.test").A("real.test", "127.0.0.1").Secure("mx.remote.test", "real.test")
            .Tlsa($"_{port}._tcp.real.test", 3, 1, 1, DigestOf(1, 1, _script.Certificate)).Secure($"_{port}._tcp.real.test")
            .Tlsa($"_{port}._tcp.mx.remote.test", 3, 1, 1, new byte[32]).Secure($"_{port}._tcp.mx.remote.test"));
        await using var delivery = await DeliverAsync(remote);

        Assert.Equal("dane 3 1 1", (await delivery.SendAsync("a@remote.test"))[0].TlsProof);
        Assert.Equal("real.test", remote.Sessions[0].ServerName);
    }

    [Fact]
    public async Task The_records_of_an_alias_count_though_what_it_leads_to_is_not_signed()
    {
        _script.Certificate = TestCertificate.For("mx.remote.test");
        await using var remote = Start(port => _dns
            .Remove("mx.remote.test").Cname("mx.remote.test", "real.test").A("real.test", "127.0.0.1").Secure("mx.remote.test")
            .Tlsa($"_{port}._tcp.mx.remote.test", 3, 1, 1, DigestOf(1, 1, _script.Certificate)).Secure($"_{port}._tcp.mx.remote.test"));
        await using var delivery = await DeliverAsync(remote);

        Assert.Equal("dane 3 1 1", (await delivery.SendAsync("a@remote.test"))[0].TlsProof);
        Assert.Equal("mx.remote.test", remote.Sessions[0].ServerName);
    }

    [Fact]
    public async Task Whether_an_alias_is_signed_must_be_known_before_mail_goes_there()
    {
        await using var remote = Start(port => _dns
            .Remove("mx.remote.test").Cname("mx.remote.test", "real.test").A("real.test", "127.0.0.1").Secure("mx.remote.test").ServFail("mx.remote.test", type: 5)
            .Tlsa($"_{port}._tcp.mx.remote.test", 3, 1, 1, new byte[32]).Secure($"_{port}._tcp.mx.remote.test"));
        await using var delivery = await DeliverAsync(remote);

        var deferred = (await delivery.SendAsync("a@remote.test"))[0];

        Assert.Equal((MailEventType.Deferred, "route.dane-unknown"), (deferred.Type, deferred.Rule));
        Assert.Empty(remote.Sessions);
    }

    [Fact]
    public async Task A_certificate_that_names_the_domain_serves_that_domain_alone()
    {
        _script.Certificate = _intermediate.For("remote.test");
        _script.Chain.Add(_intermediate.Certificate);
        _dns.Mx("neighbour.test", (10, "mx.remote.test")).Secure("neighbour.test");
        await using var remote = Start(port => Tlsa(port, 2, 1, 1, _intermediate.Certificate));
        await using var delivery = await DeliverAsync(remote);

        Assert.Equal(MailEventType.Delivered, (await delivery.SendAsync("a@remote.test"))[0].Type);
        Assert.Equal("connection.unproved", (await delivery.SendAsync("a@neighbour.test"))[0].Rule);
        Assert.Single(remote.Messages);
    }

    [Fact]
    public async Task Dane_comes_before_a_policy_of_the_web()
    {
        _script.Certificate = TestCertificate.For("mx.remote.test");
        await using var server = PolicyServer.Start(_root.For("mta-sts.remote.test"));
        server.Serve("enforce", TimeSpan.FromDays(7), "mx.remote.test");
        _dns.Txt("_mta-sts.remote.test", "v=STSv1; id=1;").A("mta-sts.remote.test", "127.0.0.1");
        await using var remote = Start(port => Tlsa(port, 3, 1, 1, _script.Certificate));
        await using var delivery = await DeliverAsync(remote);
        delivery.Part<StsFetcher>().Port = server.Port;
        delivery.Part<CheckedHttp>().Trust(_root.Policy);

        Assert.Equal(("dane", "dane 3 1 1"), (await delivery.SendAsync("a@remote.test"))[0] is var e ? (e.TlsPolicy, e.TlsProof) : default);
        Assert.Single(server.Requests);
    }

    [Fact]
    public async Task REQUIRETLS_is_passed_on_to_a_host_that_dane_proves()
    {
        _script.Capabilities.Add("REQUIRETLS");
        _script.Certificate = TestCertificate.For("mx.remote.test");
        await using var remote = Start(port => Tlsa(port, 3, 1, 1, _script.Certificate));
        await using var delivery = await DeliverAsync(remote);

        Assert.Equal(MailEventType.Delivered, (await delivery.SendAsync(A.Demanding(TlsDemand.RequireTls, delivery.Time, "a@remote.test")))[0].Type);
        Assert.Contains(" REQUIRETLS", remote.Messages[0].MailFrom, StringComparison.Ordinal);
    }

    public async ValueTask DisposeAsync()
    {
        await _dns.DisposeAsync();
        _intermediate.Dispose();
        _root.Dispose();
        _script.Certificate?.Dispose();
    }

    private ScriptedSmtpServer Start(Func<int, ScriptedDns> publish, string? unsigned = null)
    {
        _dns.Mx("remote.test", (10, "mx.remote.test")).A("mx.remote.test", "127.0.0.1");
        var remote = ScriptedSmtpServer.Start(_script);
        publish(remote.Port);
        string[] names = ["remote.test", "mx.remote.test", $"_{remote.Port}._tcp.mx.remote.test"];
        _dns.Secure([.. names.Where(n => n != unsigned && !(unsigned == "_tlsa" && n.StartsWith('_')))]);
        return remote;
    }

    private Task<DeliveryUnderTest> DeliverAsync(ScriptedSmtpServer remote, params (string, object)[] settings) =>
        DeliveryUnderTest.StartWithDnsAsync(_dns, remote.Port, [("Delivery:Dns:Trusted", true), .. settings]);

    private ScriptedDns Tlsa(int port, int usage, int selector, int matching, X509Certificate2 certificate) =>
        _dns.Tlsa($"_{port}._tcp.mx.remote.test", usage, selector, matching, DigestOf(selector, matching, certificate));

    private static byte[] DigestOf(int selector, int matching, X509Certificate2 certificate)
    {
        var selected = selector == 0 ? certificate.RawData : certificate.PublicKey.ExportSubjectPublicKeyInfo();
        return matching switch { 0 => selected, 2 => SHA512.HashData(selected), _ => SHA256.HashData(selected) };
    }
}
