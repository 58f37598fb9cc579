using System.Net;
using System.Net.Sockets;
using Relay.Delivery.Providers;
using Relay.Delivery.Routing;
using Relay.Delivery.Sources;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.TestKit.Dns;
using Relay.TestKit.Remote;
using Relay.Tests.Delivery.Providers;

namespace Relay.Tests.Delivery.Sources;

public sealed class SourcePoolTests
{
    private static readonly DateOnly Today = new(2026, 3, 1);

    [Fact]
    public void A_site_keeps_to_its_address_whatever_the_lot_and_the_weights_decide_how_many_sites_each_has()
    {
        var pool = new SourcePool("p", [Of("192.0.2.1"), Of("192.0.2.2", weight: 3)]);
        var sites = Enumerable.Range(0, 4_000).Select(i => $"mx:25:mx{i}.test").ToList();

        Assert.All(sites, site => Assert.Equal(Choose(pool, site, 0.01), Choose(pool, site, 0.99)));
        Assert.InRange(sites.Count(site => Choose(pool, site, 0) == "192.0.2.2") / 4_000.0, 0.72, 0.78);
    }

    [Fact]
    public void One_address_more_takes_sites_only_for_itself()
    {
        var two = new SourcePool("p", [Of("192.0.2.1"), Of("192.0.2.2")]);
        var three = new SourcePool("p", [Of("192.0.2.1"), Of("192.0.2.2"), Of("192.0.2.3")]);
        var moved = Enumerable.Range(0, 3_000).Select(i => $"mx{i}.test").Where(site => Choose(two, site, 0) != Choose(three, site, 0)).ToList();

        Assert.All(moved, site => Assert.Equal("192.0.2.3", Choose(three, site, 0)));
        Assert.InRange(moved.Count / 3_000.0, 0.29, 0.38);
    }

    [Theory]
    [InlineData(-1, 0)]
    [InlineData(0, 1)]
    [InlineData(1, 10)]
    [InlineData(2, 50)]
    public void A_new_address_has_its_part_of_all_connections_day_by_day(int day, int percent)
    {
        var pool = new SourcePool("p", [Of("192.0.2.1"), Of("192.0.2.9") with { WarmUpFrom = Today, WarmUp = [1, 10, 50] }]);

        var chosen = Enumerable.Range(0, 100).Count(i => Choose(pool, "mx.test", (i + 0.5) / 100, day) == "192.0.2.9");

        Assert.Equal(percent, chosen);
    }

    [Fact]
    public void After_its_plan_a_new_address_is_one_like_the_others()
    {
        var pool = new SourcePool("p", [Of("192.0.2.1"), Of("192.0.2.9") with { WarmUpFrom = Today, WarmUp = [1, 10, 50] }]);
        var sites = Enumerable.Range(0, 2_000).Select(i => $"mx{i}.test").ToList();

        Assert.InRange(sites.Count(site => Choose(pool, site, 0.999, day: 3) == "192.0.2.9") / 2_000.0, 0.45, 0.55);
    }

    [Fact]
    public void A_pool_without_an_address_of_the_family_has_none()
    {
        Assert.Null(new SourcePool("p", [Of("192.0.2.1")]).Choose("mx.test", AddressFamily.InterNetworkV6, _ => false, Today, 0));
    }

    [Fact]
    public void One_that_is_not_wanted_is_chosen_only_where_there_is_no_other()
    {
        var pool = new SourcePool("p", [Of("192.0.2.1"), Of("192.0.2.2"), Of("192.0.2.9") with { WarmUpFrom = Today.AddDays(1), WarmUp = [100] }]);
        var usual = pool.Choose("mx.test", AddressFamily.InterNetwork, _ => false, Today, 0.5)!.Address;

        Assert.NotEqual(usual, pool.Choose("mx.test", AddressFamily.InterNetwork, address => address.Equals(usual), Today, 0.5)!.Address);
        Assert.Equal(usual, pool.Choose("mx.test", AddressFamily.InterNetwork, _ => true, Today, 0.5)!.Address);
    }

    [Fact]
    public async Task What_blames_our_address_is_tried_again_from_another_one_and_nobody_elses_mail_moves()
    {
        string? blamed = null;
        var script = new RemoteScript().On(RemoteStage.Rcpt, m =>
        {
            if (!m.Line.Contains("@strict.test", StringComparison.Ordinal))
            {
                return null;
            }

            blamed ??= m.Session.ClientAddress.ToString();
            return m.Session.ClientAddress.ToString() == blamed ? RemoteAnswer.Say("550 5.7.1 Your IP address is on a block list") : null;
        });
        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(
            remote, ("Delivery:SourceAddresses:0", "127.0.0.8"), ("Delivery:SourceAddresses:1", "127.0.0.9"));

        Assert.Equal(MailEventType.Deferred, (await delivery.SendAsync("a@strict.test"))[0].Type);
        Assert.Equal(MailEventType.Delivered, (await delivery.SendAsync("b@kind.test"))[0].Type);
        Assert.Equal(blamed, remote.Messages[0].Session.ClientAddress.ToString());
        delivery.AdvanceTo(delivery.Queue.Settlements[0]);

        var retried = (await delivery.SettledAsync(3)).Events[0];
        Assert.Equal((MailEventType.Delivered, "a@strict.test", 2), (retried.Type, retried.Recipient, retried.Attempt));
        Assert.NotEqual(blamed, remote.Messages[1].Session.ClientAddress.ToString());
        Assert.Null(Assert.Single(delivery.Part<ProviderDirectory>().All).Excuse);
    }

    [Fact]
    public async Task An_address_that_several_tenants_of_a_provider_refuse_is_not_tried_at_the_others_too()
    {
        var script = new RemoteScript().On(RemoteStage.Rcpt, m =>
            m.Session.ClientAddress.ToString() == "127.0.0.8" ? RemoteAnswer.Say("550 5.7.1 Your IP address is on a block list") : null);
        await using var remote = ScriptedSmtpServer.Start(script);
        await using var dns = ScriptedDns.Start();
        using var rules = new RulesFile("provider partner\n  mx partner.test\n  connections 5 By agreement.\n");
        for (var i = 1; i <= 7; i++)
        {
            dns.Mx($"t{i}.test", (10, $"mx{i}.partner.test")).A($"mx{i}.partner.test", "127.0.0.1");
        }

        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(
            dns,
            remote.Port,
            ("Delivery:ProviderRules", rules.Path),
            ("Delivery:Pools:0:Name", "all"),
            ("Delivery:Pools:0:Addresses:0:Address", "127.0.0.8"), ("Delivery:Pools:0:Addresses:0:Weight", 1000), ("Delivery:Pools:0:Addresses:1:Address", "127.0.0.9"));

        for (var i = 1; i <= 3; i++)
        {
            Assert.Equal(MailEventType.Deferred, (await delivery.SendAsync($"a@t{i}.test"))[0].Type);
        }

        for (var i = 4; i <= 6; i++)
        {
            Assert.Equal((MailEventType.Delivered, 1), (await delivery.SendAsync($"a@t{i}.test")) is [var e] ? (e.Type, e.Attempt) : default);
        }

        Assert.All(remote.Messages, m => Assert.Equal("127.0.0.9", m.Session.ClientAddress.ToString()));

        // Whoever runs the relay may know that it is off the list.
        delivery.Part<UnwantedSources>().Forget("t1.test");
        Assert.Equal(MailEventType.Deferred, (await delivery.SendAsync("a@t7.test"))[0].Type);
    }

    [Fact]
    public void What_one_of_its_domains_takes_shows_that_a_provider_does_not_refuse_the_address()
    {
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider();
        var unwanted = new UnwantedSources(time);
        var ours = IPAddress.Parse("192.0.2.1");
        unwanted.Note("site", "partner", "a.test", ours);
        unwanted.Note("site", "partner", "b.test", ours);
        unwanted.Took("partner", ours);
        unwanted.Note("site", "partner", "c.test", ours);

        Assert.True(unwanted.Contains("site", "partner", "a.test", ours));
        Assert.False(unwanted.Contains("site", "partner", "d.test", ours));

        unwanted.Note("site", "partner", "a.test", ours);
        unwanted.Note("site", "partner", "b.test", ours);
        Assert.True(unwanted.Contains("other site", "partner", "d.test", ours));
        Assert.False(unwanted.Contains("other site", "another", "d.test", ours));
        Assert.False(unwanted.Contains("other site", "partner", "d.test", IPAddress.Parse("192.0.2.2")));

        time.Advance(TimeSpan.FromHours(1));
        Assert.False(unwanted.Contains("other site", "partner", "d.test", ours));
    }

    [Fact]
    public async Task Mail_of_a_pool_leaves_from_its_address_under_its_name_and_on_connections_of_its_own()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(
            remote,
            ("Delivery:Pools:0:Name", "bulk"), ("Delivery:Pools:0:Class", "Bulk"),
            ("Delivery:Pools:0:Addresses:0:Address", "127.0.0.9"), ("Delivery:Pools:0:Addresses:0:HostName", "out9.relay.test"),
            ("Delivery:Pools:1:Name", "second"), ("Delivery:Pools:1:Accounts:0", "second"), ("Delivery:Pools:1:Addresses:0:Address", "127.0.0.8"),
            ("Delivery:Pools:2:Name", "single"), ("Delivery:Pools:2:Class", "Transactional"), ("Delivery:Pools:2:Accounts:0", "third"), ("Delivery:Pools:2:Addresses:0:Address", "127.0.0.7"));

        await delivery.SendAsync(A.Message(delivery.Time, "a@remote.test"));
        await delivery.SendAsync(A.Message(delivery.Time, "b@remote.test") with { Class = MessageClass.Bulk });
        await delivery.SendAsync(A.Message(delivery.Time, "c@remote.test") with { Account = "second" });
        await delivery.SendAsync(A.Message(delivery.Time, "d@remote.test") with { Account = "third", Class = MessageClass.Inbound });

        Assert.Equal(["127.0.0.1", "127.0.0.9", "127.0.0.8", "127.0.0.7"], remote.Sessions.Select(s => s.ClientAddress.ToString()));
        Assert.Equal(["EHLO relay.test", "EHLO out9.relay.test", "EHLO relay.test", "EHLO relay.test"], remote.Sessions.Select(s => s.Commands[0]));
    }

    [Fact]
    public async Task Mail_of_a_pool_never_leaves_from_elsewhere()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(
            remote, ("Delivery:Pools:0:Name", "six"), ("Delivery:Pools:0:Addresses:0:Address", "2001:db8::1"));

        var deferred = (await delivery.SendAsync("a@remote.test"))[0];

        Assert.Equal("the pool six has no address of this family today", deferred.Reply);
        Assert.Empty(remote.Sessions);
    }

    [Fact]
    public async Task The_only_address_there_is_is_not_given_up_for_each_message_anew()
    {
        await using var delivery = await DeliveryUnderTest.StartAsync(("Delivery:SourceAddresses:0", "192.0.2.1"), ("Delivery:SourceAddresses:1", "2001:db8::1"));
        var (sources, plan) = (delivery.Part<SourceAddresses>(), RoutePlan.ToExchangers([new RouteHost("mx.test", 25)]));
        var only = IPAddress.Parse("192.0.2.1");

        Assert.False(sources.TryAvoid(plan, "strict.test", only));

        Assert.False(sources.IsUnwanted(plan, "strict.test", only));
    }

    [Fact]
    public async Task Of_several_that_a_domain_refuses_none_is_better_than_the_others()
    {
        await using var delivery = await DeliveryUnderTest.StartAsync(("Delivery:SourceAddresses:0", "192.0.2.1"), ("Delivery:SourceAddresses:1", "192.0.2.2"));
        var (sources, plan) = (delivery.Part<SourceAddresses>(), RoutePlan.ToExchangers([new RouteHost("mx.test", 25)]));
        var (one, two) = (IPAddress.Parse("192.0.2.1"), IPAddress.Parse("192.0.2.2"));

        Assert.True(sources.TryAvoid(plan, "strict.test", one));
        Assert.Equal((true, false), (sources.IsUnwanted(plan, "strict.test", one), sources.IsUnwanted(plan, "strict.test", two)));
        Assert.False(sources.TryAvoid(plan, "strict.test", two));
        Assert.Equal((false, false), (sources.IsUnwanted(plan, "strict.test", one), sources.IsUnwanted(plan, "strict.test", two)));
    }

    private static SourceAddress Of(string address, int weight = 1) => new(IPAddress.Parse(address), null, weight);

    private static string? Choose(SourcePool pool, string site, double lot, int day = 0) =>
        pool.Choose(site, AddressFamily.InterNetwork, _ => false, Today.AddDays(day), lot)?.Address.ToString();
}
