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

        var texts = await RecordsOf(dns).FindTextsAsync(Name, Cancellation);

        Assert.Equal(["other", longText], texts.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_record_published_a_moment_ago_is_seen()
    {
        await using var dns = ScriptedDns.Start();
        var records = RecordsOf(dns);

        Assert.Empty(await records.FindTextsAsync(Name, Cancellation));
        dns.Txt(Name, "relay-verify=token");
        Assert.Equal(["relay-verify=token"], await records.FindTextsAsync(Name, Cancellation));
    }

    [Fact]
    public async Task A_name_without_texts_has_none()
    {
        await using var dns = ScriptedDns.Start();
        dns.Empty(Name);

        Assert.Empty(await RecordsOf(dns).FindTextsAsync(Name, Cancellation));
    }

    [Fact]
    public async Task A_server_that_fails_or_is_silent_says_nothing_about_the_domain()
    {
        await using var dns = ScriptedDns.Start();
        dns.ServFail("a.test").Refused("b.test").Drop("c.test");

        foreach (var name in new[] { "a.test", "b.test", "c.test" })
        {
            await Assert.ThrowsAsync<DomainRecordsUnavailableException>(async () => await RecordsOf(dns).FindTextsAsync(name, Cancellation));
        }
    }

    private static DomainRecords RecordsOf(ScriptedDns dns) =>
        new(Options.Create(new DeliveryOptions { Dns = { Servers = [dns.Server], Timeout = TimeSpan.FromMilliseconds(500) } }));
}
