using Relay.Delivery.Routing;
using Relay.Mail.Events;
using Relay.TestKit.Dns;
using Relay.TestKit.Remote;

namespace Relay.Tests.Delivery.Routing;

public sealed class RouterTests
{
    [Fact]
    public async Task Hosts_are_tried_by_preference()
    {
        await using var dns = ScriptedDns.Start().Mx("remote.test", (30, "c.test"), (10, "a.test"), (20, "b.test"));
        var plan = await PlanAsync(dns, "remote.test");

        Assert.Equal(["a.test", "b.test", "c.test"], plan.InOrder(Random.Shared, null).Select(h => h.Name));
        Assert.Equal(["c.test", "a.test", "b.test"], plan.InOrder(Random.Shared, "c.test").Select(h => h.Name));
    }

    [Fact]
    public async Task Equal_hosts_are_tried_in_any_order()
    {
        await using var dns = ScriptedDns.Start().Mx("remote.test", (10, "a.test"), (10, "b.test"), (10, "c.test"));
        var plan = await PlanAsync(dns, "remote.test");

        var firsts = Enumerable.Range(0, 200).Select(i => plan.InOrder(new Random(i), null)[0].Name).ToHashSet();

        Assert.Equal(3, firsts.Count);
    }

    [Fact]
    public async Task Of_hundreds_of_hosts_only_the_best_are_tried()
    {
        await using var dns = ScriptedDns.Start().Mx("remote.test", [.. Enumerable.Range(0, 500).Select(i => (i, $"mx{i}.test"))]);
        var plan = await PlanAsync(dns, "remote.test");

        Assert.Equal(["mx0.test", "mx1.test", "mx2.test", "mx3.test", "mx4.test"], plan.InOrder(Random.Shared, null).Select(h => h.Name));
        Assert.Contains(dns.Questions, q => !q.OverUdp);
    }

    [Fact]
    public async Task A_truncated_answer_is_asked_for_again_over_TCP()
    {
        await using var dns = ScriptedDns.Start().Mx("remote.test", (10, "a.test")).Truncate("remote.test");

        Assert.Equal("a.test", Assert.Single((await PlanAsync(dns, "remote.test")).Hosts).Name);
    }

    [Fact]
    public async Task A_domain_with_addresses_but_no_MX_is_its_own_host()
    {
        await using var dns = ScriptedDns.Start().A("remote.test", "127.0.0.1");

        Assert.Equal("remote.test", Assert.Single((await PlanAsync(dns, "remote.test")).Hosts).Name);
    }

    [Fact]
    public async Task A_domain_with_an_MX_is_never_sent_to_its_own_address()
    {
        await using var wrong = ScriptedSmtpServer.Start(null, "127.0.0.2");
        await using var dns = ScriptedDns.Start().Mx("remote.test", (10, "gone.test")).A("remote.test", "127.0.0.2");
        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, wrong.Port);

        var bounced = (await delivery.SendAsync("a@remote.test"))[0];

        Assert.Equal((MailEventType.Bounced, "route.no-address"), (bounced.Type, bounced.Rule));
        Assert.Empty(wrong.Sessions);
    }

    [Fact]
    public async Task A_null_MX_bounces_at_once()
    {
        await using var dns = ScriptedDns.Start().NullMx("remote.test").A("remote.test", "127.0.0.1");
        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, 25);

        var bounced = (await delivery.SendAsync("a@remote.test"))[0];

        Assert.Equal((MailEventType.Bounced, "route.null-mx"), (bounced.Type, bounced.Rule));
        Assert.Equal("5.1.10", delivery.Reports.Asked[0].Failures[0].Status);
    }

    [Fact]
    public async Task A_domain_that_does_not_exist_bounces_at_once()
    {
        await using var dns = ScriptedDns.Start();
        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, 25);

        Assert.Equal("route.no-such-domain", (await delivery.SendAsync("a@remote.test"))[0].Rule);
    }

    [Fact]
    public async Task A_domain_without_any_record_bounces_at_once()
    {
        await using var dns = ScriptedDns.Start().Empty("remote.test");
        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, 25);

        Assert.Equal(MailEventType.Bounced, (await delivery.SendAsync("a@remote.test"))[0].Type);
    }

    [Fact]
    public async Task A_failing_name_server_defers_and_an_answer_later_delivers()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var dns = ScriptedDns.Start().ServFail("remote.test");
        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, remote.Port);

        Assert.Equal("route.dns-failure", (await delivery.SendAsync("a@remote.test"))[0].Rule);

        dns.Remove("remote.test").Mx("remote.test", (10, "mx.test")).A("mx.test", "127.0.0.1");
        delivery.AdvanceTo(delivery.Queue.Settlements[0]);
        Assert.Equal(MailEventType.Delivered, (await delivery.SettledAsync(2)).Events[0].Type);
    }

    [Fact]
    public async Task A_name_server_that_does_not_answer_defers()
    {
        await using var dns = ScriptedDns.Start().Drop("remote.test");
        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, 25, ("Delivery:Dns:Timeout", "00:00:00.200"));

        Assert.Equal((MailEventType.Deferred, "route.dns-failure"), (await delivery.SendAsync("a@remote.test"))[0] is var e ? (e.Type, e.Rule) : default);
    }

    [Fact]
    public async Task A_name_server_that_loses_questions_is_asked_again_and_again()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var dns = ScriptedDns.Start().Mx("remote.test", (10, "mx.remote.test")).A("mx.remote.test", "127.0.0.1").Lose("remote.test", 2);
        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, remote.Port, ("Delivery:Dns:Timeout", "00:00:01"));

        Assert.Equal(MailEventType.Delivered, (await delivery.SendAsync("a@remote.test"))[0].Type);
    }

    [Fact]
    public async Task A_failing_address_look_up_defers()
    {
        await using var dns = ScriptedDns.Start().Mx("remote.test", (10, "mx.test")).ServFail("mx.test");
        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, 25);

        Assert.Equal(MailEventType.Deferred, (await delivery.SendAsync("a@remote.test"))[0].Type);
    }

    [Fact]
    public async Task Aliases_are_followed_and_a_circle_of_them_ends()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var dns = ScriptedDns.Start()
            .Cname("alias.test", "real.test").Mx("real.test", (10, "mx.test")).A("mx.test", "127.0.0.1")
            .CnameLoop("round.test", "circle.test");
        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, remote.Port);

        Assert.Equal(MailEventType.Delivered, (await delivery.SendAsync("a@alias.test"))[0].Type);
        Assert.NotEqual(MailEventType.Delivered, (await delivery.SendAsync("a@round.test"))[0].Type);
    }

    [Fact]
    public async Task An_address_literal_goes_to_that_address()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var dns = ScriptedDns.Start();
        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, remote.Port);

        Assert.Equal(MailEventType.Delivered, (await delivery.SendAsync("a@[127.0.0.1]"))[0].Type);
        Assert.Empty(dns.Questions);
    }

    [Fact]
    public async Task Answers_are_kept_for_their_TTL()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var dns = ScriptedDns.Start().Mx("remote.test", (10, "mx.test")).A("mx.test", "127.0.0.1").Ttl("remote.test", TimeSpan.FromSeconds(60));
        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, remote.Port);

        await delivery.SendAsync("a@remote.test");
        await delivery.SendAsync("b@remote.test");
        Assert.Single(dns.Questions, q => q.Type == 15);

        delivery.Time.Advance(TimeSpan.FromSeconds(61));
        await delivery.SendAsync("c@remote.test");
        Assert.Equal(2, dns.Questions.Count(q => q.Type == 15));
    }

    [Fact]
    public async Task Hosts_no_better_than_ourselves_are_left_out()
    {
        await using var dns = ScriptedDns.Start()
            .Mx("backup.test", (10, "best.test"), (20, "relay.test"), (20, "equal.test"), (30, "worse.test"))
            .Mx("ours.test", (10, "Relay.Test"), (20, "worse.test"));
        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, 25);
        var router = delivery.Part<Router>();

        var backup = Assert.IsType<Routed.To>(await router.RouteAsync("backup.test", TestContext.Current.CancellationToken));
        Assert.Equal(["best.test"], backup.Plan.Hosts.Select(h => h.Name));
        Assert.Equal("5.4.6", Assert.IsType<Routed.Nowhere>(await router.RouteAsync("ours.test", TestContext.Current.CancellationToken)).Status);
    }

    [Fact]
    public async Task A_slow_look_up_holds_up_no_other_domain()
    {
        var answer = new TaskCompletionSource();
        await using var remote = ScriptedSmtpServer.Start();
        await using var dns = ScriptedDns.Start()
            .Mx("slow.test", (10, "mx.test")).Mx("quick.test", (10, "mx.test")).A("mx.test", "127.0.0.1").Delay("slow.test", answer.Task);
        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, remote.Port, ("Delivery:Dns:Timeout", "00:00:50"));

        await delivery.AcceptAsync("a@slow.test");
        Assert.Equal("b@quick.test", (await delivery.SendAsync("b@quick.test"))[0].Recipient);
        answer.SetResult();
        Assert.Equal("a@slow.test", (await delivery.SettledAsync(2)).Events[0].Recipient);
    }

    private static async Task<RoutePlan> PlanAsync(ScriptedDns dns, string domain)
    {
        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, 25);
        return Assert.IsType<Routed.To>(await delivery.Part<Router>().RouteAsync(domain, TestContext.Current.CancellationToken)).Plan;
    }
}
