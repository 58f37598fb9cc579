using Microsoft.Extensions.Options;
using Relay.Delivery;
using Relay.Delivery.Routing;
using Relay.Mail.Domains;
using Relay.TestKit.Dns;

namespace Relay.Tests.Delivery.Routing;

public sealed class DomainRecordsTests
{
    private const string Name = "_relay.shop.test";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Each_text_is_found_and_a_long_one_is_one()
    {
        await using var dns = ScriptedDns.Start();
        var longText = "relay-verify=" + new string('x', 600);
        dns.Txt(Name, "other", longText);

        var texts = await RecordsOf(dns).FindAsync(Name, RecordType.Txt, Cancellation);

        Assert.Equal(["other", longText], texts.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_record_published_a_moment_ago_is_seen()
    {
        await using var dns = ScriptedDns.Start();
        var records = RecordsOf(dns);

        Assert.Empty(await records.FindAsync(Name, RecordType.Txt, Cancellation));
        dns.Txt(Name, "relay-verify=token");
        Assert.Equal(["relay-verify=token"], await records.FindAsync(Name, RecordType.Txt, Cancellation));
    }

    [Fact]
    public async Task A_name_without_texts_has_none()
    {
        await using var dns = ScriptedDns.Start();
        dns.Empty(Name);

        Assert.Empty(await RecordsOf(dns).FindAsync(Name, RecordType.Txt, Cancellation));
    }

    [Theory]
    [MemberData(nameof(NoNames))]
    public async Task What_cannot_be_a_name_has_no_records(string name)
    {
        await using var dns = ScriptedDns.Start();

        Assert.Empty(await RecordsOf(dns).FindAsync(name, RecordType.Txt, Cancellation));
        Assert.Empty(Assert.Single((await RecordsOf(dns).CompareAsync(name, RecordType.Txt, Cancellation)).Answers).Values);
    }

    public static TheoryData<string> NoNames => new("", ".", ".x.test", "a..test", new string('x', 64) + ".test", string.Join('.', Enumerable.Repeat(new string('x', 60), 5)));

    [Fact]
    public async Task A_server_that_fails_or_is_silent_says_nothing_about_the_domain()
    {
        await using var dns = ScriptedDns.Start();
        dns.ServFail("a.test").Refused("b.test").Drop("c.test");

        foreach (var name in new[] { "a.test", "b.test", "c.test" })
        {
            await Assert.ThrowsAsync<DomainRecordsUnavailableException>(async () => await RecordsOf(dns, TimeSpan.FromMilliseconds(100)).FindAsync(name, RecordType.Txt, Cancellation));
        }
    }

    [Fact]
    public async Task Each_type_is_read_at_the_end_of_its_aliases()
    {
        await using var dns = ScriptedDns.Start();
        dns.Mx("shop.test", (10, "MX.there.test"), (20, "b.there.test")).A("host.test", "192.0.2.1").Aaaa("host.test", "2001:db8::1")
            .Cname("www.shop.test", "host.test").Ptr("192.0.2.1", "host.test");
        var records = RecordsOf(dns);

        Assert.Equal(["10 mx.there.test", "20 b.there.test"], (await records.FindAsync("shop.test", RecordType.Mx, Cancellation)).Order(StringComparer.Ordinal));
        Assert.Equal(["192.0.2.1", "2001:db8::1"], await records.FindAsync("www.shop.test", RecordType.Address, Cancellation));
        Assert.Equal(["host.test"], await records.FindAsync("www.shop.test", RecordType.Cname, Cancellation));
        Assert.Equal(["host.test"], await records.FindAsync("192.0.2.1", RecordType.Ptr, Cancellation));
        Assert.Equal("host.test", (await records.CompareAsync("www.shop.test", RecordType.Address, Cancellation)).Alias);
    }

    [Fact]
    public async Task Every_server_of_the_zone_is_asked_and_one_that_is_away_is_left_out()
    {
        await using var resolver = ScriptedDns.Start();
        await using var second = ScriptedDns.Start("127.0.0.2", resolver.EndPoint.Port);
        resolver.Ns("shop.test", "ns1.shop.test", "ns2.shop.test", "ns3.shop.test")
            .A("ns1.shop.test", "127.0.0.1").A("ns2.shop.test", "127.0.0.2").A("ns3.shop.test", "127.0.0.3")
            .Txt("a.b.shop.test", "new");
        second.Txt("a.b.shop.test", "old");

        var published = await RecordsOf(resolver, resolver.EndPoint.Port).CompareAsync("a.b.shop.test", RecordType.Txt, Cancellation);

        Assert.Equal(
            [("ns1.shop.test", "new"), ("ns2.shop.test", "old")],
            published.Answers.Select(answer => (answer.Server, Assert.Single(answer.Values))).Order());
    }

    [Fact]
    public async Task Servers_inside_are_not_asked_and_the_resolver_stands_in()
    {
        await using var dns = ScriptedDns.Start();
        dns.Ns("shop.test", "ns1.shop.test").A("ns1.shop.test", "10.0.0.1").Txt("shop.test", "text");

        var published = await RecordsOf(dns).CompareAsync("shop.test", RecordType.Txt, Cancellation);

        Assert.Equal(("", "text"), (published.Answers[0].Server, published.Answers[0].Values[0]));
    }

    private static DomainRecords RecordsOf(ScriptedDns dns, int authoritativePort) =>
        new(Options.Create(new DeliveryOptions { AllowPrivateDestinations = true, Dns = { Servers = [dns.Server] } }), authoritativePort);

    private static DomainRecords RecordsOf(ScriptedDns dns, TimeSpan? timeout = null)
    {
        var options = new DeliveryOptions { Dns = { Servers = [dns.Server] } };
        options.Dns.Timeout = timeout ?? options.Dns.Timeout;
        return new DomainRecords(Options.Create(options));
    }
}
