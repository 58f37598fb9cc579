using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Relay.Delivery;
using Relay.Delivery.Providers;
using Relay.Delivery.Routing;
using Relay.Delivery.Scheduling;
using Relay.Mail.Queue;
using Relay.TestKit.InMemory;

namespace Relay.Tests.Delivery.Scheduling;

public sealed class RestingSitesTests
{
    [Fact]
    public async Task When_somebody_ends_the_rest_of_a_provider_for_one_of_its_sites_the_mail_of_the_others_is_let_through_too()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);

        // On a clock that stands still: it looks at a lane again only when it is told to.
        var queue = new InMemoryMailQueue(new FakeTimeProvider(time.GetUtcNow()));
        using var resting = new RestingSites(new DeliveryWindow(queue, Options.Create(new DeliveryOptions()), time), time);
        using var provider = new Provider("hoster", isShared: true, new Ceilings(10, 100), new NodeShares(new InMemorySiteBoard(time).Join()), time, _ => TimeSpan.FromMinutes(1));
        var (one, other) = (SiteOf(provider, "one.hoster.test", time), SiteOf(provider, "other.hoster.test", time));
        foreach (var standing in provider.Refused("450 4.7.1 Later", "450 4.7.1 (text.later)", TimeSpan.FromMinutes(10))!)
        {
            resting.Add(standing);
        }

        await queue.EnqueueAsync(A.Message(time, "a@other.test"), null, TestContext.Current.CancellationToken);
        var isClosed = true;
        var leased = queue.LeaseDueAsync(new LeaseDemand(1, long.MaxValue, _ => isClosed ? other.Stock.Gate : null), TestContext.Current.CancellationToken).AsTask();
        isClosed = false;

        one.TryAgain();
        time.Advance(TimeSpan.FromSeconds(1));

        Assert.Single(await leased.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
        Assert.Equal(0, resting.Count);
    }

    private static Standing SiteOf(Provider provider, string host, FakeTimeProvider time)
    {
        var standing = new Standing(RoutePlan.ToExchangers([new RouteHost(host, 25)]), provider, time, _ => TimeSpan.FromMinutes(1));
        provider.Join(standing);
        return standing;
    }
}
