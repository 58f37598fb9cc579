using System.Globalization;
using Microsoft.Extensions.Time.Testing;
using Relay.Delivery.Routing;
using Relay.Delivery.Scheduling;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.TestKit.Dns;
using Relay.TestKit.Remote;

namespace Relay.Tests.Delivery.Routing;

/// <summary>A resolver of ours that is dead is no domain's fault, and no mail's.</summary>
public sealed class OwnResolverTests
{
    private const int Mx = 15;

    private static readonly TimeSpan LongestRest = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData(UnknownNames.Failing)]
    [InlineData(UnknownNames.Unanswered)]
    public async Task Mail_waits_for_it_without_an_attempt_and_what_is_known_is_delivered(UnknownNames unknown)
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var dns = ScriptedDns.Start();
        dns.Mx("known.test", (10, "mx.known.test")).A("mx.known.test", "127.0.0.1").Unknown = unknown;
        var timeout = TimeSpan.FromSeconds(unknown == UnknownNames.Unanswered ? 0.2 : 2);
        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, remote.Port, ("Delivery:Dns:Timeout", timeout), ("Delivery:Dns:Repeats", 0));
        var message = await delivery.AcceptAsync("a@away.test");
        var lane = new Lane("away.test", message.Account, message.Class);

        await RestingAsync(delivery, lane, looks: 6);

        Assert.InRange(Asked(dns, "away.test"), 6, int.MaxValue);
        Assert.Empty(delivery.Queue.Settlements);
        Assert.False(delivery.Part<NodePause>().IsOn);
        var known = (await delivery.SendAsync("b@known.test"))[0];
        Assert.Equal((MailEventType.Delivered, 1), (known.Type, known.Attempt));

        dns.Mx("away.test", (10, "mx.away.test")).A("mx.away.test", "127.0.0.1").Unknown = UnknownNames.DoNotExist;
        var late = await LaterAsync(delivery, 2);

        Assert.Equal(("a@away.test", MailEventType.Delivered, 1), (late.Recipient, late.Type, late.Attempt));
        Assert.Null(delivery.Part<DeliveryDesk>().WhyNotNow(lane));
    }

    [Fact]
    public async Task Nor_does_it_cost_one_where_a_domain_is_known_and_its_host_is_not()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var dns = ScriptedDns.Start();
        dns.Mx("a.test", (10, "mx.hosts.test")).Unknown = UnknownNames.Failing;
        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, remote.Port);
        var message = await delivery.AcceptAsync("a@a.test");
        var lane = new Lane("a.test", message.Account, message.Class);

        await RestingAsync(delivery, lane, looks: 6);

        Assert.InRange(Asked(dns, "mx.hosts.test", type: 1), 6, int.MaxValue);
        Assert.Empty(delivery.Queue.Settlements);
        dns.A("mx.hosts.test", "127.0.0.1").Unknown = UnknownNames.DoNotExist;
        var late = await LaterAsync(delivery, 1);

        Assert.Equal((MailEventType.Delivered, 1), (late.Type, late.Attempt));
    }

    [Fact]
    public async Task It_keeps_no_message_beyond_its_time()
    {
        await using var dns = ScriptedDns.Start();
        dns.Unknown = UnknownNames.Failing;
        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, 25, ("Delivery:Retry:Expiry", "00:10:00"), ("Delivery:Retry:Schedule:0", "00:00:30"));

        var message = await delivery.AcceptAsync("a@away.test");
        await WaitUntil.TrueAsync(() =>
        {
            delivery.Time.Advance(TimeSpan.FromSeconds(10));
            return delivery.Queue.Settlements.Any(s => s.Events.Any(e => e.Type == MailEventType.Expired));
        });

        var first = delivery.Queue.Settlements[0].Events[0];
        Assert.Equal((MailEventType.Deferred, "node.no-resolver"), (first.Type, first.Rule));
        Assert.True(first.Time >= message.AcceptedAt + TimeSpan.FromMinutes(10));
    }

    [Fact]
    public async Task A_domain_that_fails_while_another_is_answered_fails_by_itself()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var dns = ScriptedDns.Start();

        // A resolver that knows networks of its own, and not the world.
        dns.Mx("inside.corp", (10, "mx.inside.corp")).A("mx.inside.corp", "127.0.0.1").Zone("inside.corp").Unknown = UnknownNames.Failing;
        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, remote.Port);
        Assert.Equal(MailEventType.Delivered, (await delivery.SendAsync("a@inside.corp"))[0].Type);

        var failed = (await delivery.SendAsync("a@broken.test"))[0];

        Assert.Equal((MailEventType.Deferred, "route.dns-failure", 1), (failed.Type, failed.Rule, failed.Attempt));
        Assert.Equal("looking up MX of broken.test failed: ServerFailure", failed.Reply);
    }

    [Fact]
    public async Task It_is_looked_for_no_more_often_than_need_be()
    {
        var time = new FakeTimeProvider();
        var asked = new List<string>();
        var alive = false;
        var own = new OwnResolver(
            name =>
            {
                lock (asked)
                {
                    asked.Add(name[(name.IndexOf('.', StringComparison.Ordinal) + 1)..]);
                }

                return Task.FromResult(alive);
            },
            time);
        own.Answered("shop.example");

        // One of three is asked, in three looks: below the same top, a large one, and a domain that has answered.
        var rests = new List<double>();
        for (var i = 0; i < 7; i++)
        {
            var lack = await own.FindLackAsync("www.away.test");
            Assert.Same(lack, await own.FindLackAsync("other.test"));
            Assert.Equal(["com", "shop.example", "test"], asked.Order());
            rests.Add((lack!.Until!.Value - time.GetUtcNow()).TotalSeconds);
            time.SetUtcNow(lack.Until.Value);
            asked.Clear();
        }

        Assert.Equal([1, 2, 4, 8, 16, 30, 30], rests);

        // What is below or above the name that failed may be dead for the same reason.
        alive = true;
        Assert.Null(await own.FindLackAsync("mx.shop.example"));
        Assert.DoesNotContain("shop.example", asked);
        alive = false;
        Assert.Null(await own.FindLackAsync("away.test"));
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(time.GetUtcNow().AddSeconds(1), (await own.FindLackAsync("away.test"))!.Until);
    }

    private static int Asked(ScriptedDns dns, string name, int type = Mx) => dns.Questions.Count(q => q.Name == name && q.Type == type);

    // Ends at rest: what a resolver says next is asked by a look of its own, and not by the rest of one that has begun.
    private static async Task RestingAsync(DeliveryUnderTest delivery, Lane lane, int looks)
    {
        for (var look = 1; look <= looks; look++)
        {
            await WaitUntil.TrueAsync(() => delivery.Part<DeliveryDesk>().WhyNotNow(lane) is { } why
                && why.StartsWith("this node's resolver does not answer", StringComparison.Ordinal)
                && TimeOnly.ParseExact(why.AsSpan()[^12..^4], "HH:mm:ss", CultureInfo.InvariantCulture) > TimeOnly.FromDateTime(delivery.Time.GetUtcNow().UtcDateTime));
            if (look < looks)
            {
                delivery.Time.Advance(LongestRest);
            }
        }
    }

    // However long the rest is that has begun.
    private static async Task<MailEvent> LaterAsync(DeliveryUnderTest delivery, int settlements)
    {
        await WaitUntil.TrueAsync(() =>
        {
            if (delivery.Queue.Settlements.Count < settlements && delivery.Window.Held > 0)
            {
                delivery.Time.Advance(TimeSpan.FromSeconds(1));
            }

            return delivery.Queue.Settlements.Count == settlements;
        });
        return delivery.Queue.Settlements[settlements - 1].Events[0];
    }
}
