using Microsoft.Extensions.Time.Testing;
using Relay.Delivery.Providers;
using Relay.Delivery.Routing;
using Relay.Delivery.Scheduling;
using Relay.TestKit.InMemory;

namespace Relay.Tests.Delivery.Scheduling;

public sealed class StandingTests : IDisposable
{
    private const int Stranger = 10;
    private const int Known = 320;

    private readonly FakeTimeProvider _time = new();
    private readonly Provider _provider;
    private readonly Standing _site;

    public StandingTests()
    {
        _provider = new Provider("remote.test", isShared: false, new Ceilings(10, 100), new NodeShares(new InMemorySiteBoard(_time).Join()), _time, RestAfter);
        _site = new Standing(RoutePlan.ToExchangers([new RouteHost("mx.remote.test", 25)]), _provider, _time, RestAfter);
    }

    public void Dispose() => _provider.Dispose();

    private static TimeSpan RestAfter(int rests) => TimeSpan.FromMinutes(rests);

    private int Most => _site.Most(Stranger, Known);

    [Fact]
    public void A_site_holds_little_until_it_has_answered()
    {
        Assert.Equal(Stranger, Most);

        Assert.True(_site.Connected());

        Assert.Equal(Known, Most);
        Assert.False(_site.Connected());
    }

    [Fact]
    public void To_ask_whether_one_may_come_though_it_rests_takes_nobodys_turn()
    {
        for (var i = 0; i < 5; i++)
        {
            _site.Failed("refused");
        }

        Assert.False(_site.MayBeLookedAt);
        _site.AllowLooks(1);
        Assert.True(_site.MayBeLookedAt);
        Assert.True(_site.MayBeLookedAt);
        Assert.Equal(Known, Most);
        Assert.False(_site.MayBeLookedAt);
        Assert.Equal(0, Most);
    }

    [Fact]
    public void A_site_that_rests_by_itself_and_with_its_provider_stands_once_in_the_list()
    {
        _provider.Join(_site);
        _provider.Refused("421 too much", "421", TimeSpan.FromMinutes(5));
        Assert.NotNull(_provider.Describe("node"));

        for (var i = 0; i < 5; i++)
        {
            _site.Failed("refused");
        }

        Assert.NotNull(_site.Describe("node"));
        Assert.Null(_provider.Describe("node"));
    }

    [Fact]
    public void A_single_failure_is_no_reason_to_rest()
    {
        Assert.False(_site.Failed("refused"));

        Assert.False(_site.IsResting);
        Assert.Equal(Stranger, Most);
    }

    [Fact]
    public void A_site_that_keeps_failing_rests_and_then_one_unit_tries()
    {
        Assert.Equal([false, false, false, false, true], Enumerable.Range(0, 5).Select(_ => _site.Failed("refused")));
        Assert.Equal(0, Most);
        Assert.Contains("refused", _site.Excuse()?.Words);

        _time.Advance(TimeSpan.FromMinutes(1));

        Assert.Null(_site.Excuse());
        Assert.Equal(1, Most);
    }

    [Fact]
    public void Each_rest_in_a_row_follows_the_first_failure_and_is_longer()
    {
        Rest();
        _time.Advance(TimeSpan.FromMinutes(1));

        Assert.True(_site.Failed("refused"));

        Assert.Equal(_time.GetUtcNow() + TimeSpan.FromMinutes(2), _site.RestUntil);
    }

    [Fact]
    public void What_fails_while_it_rests_makes_the_rest_no_longer()
    {
        Rest();
        var until = _site.RestUntil;

        Assert.False(_site.Failed("refused"));

        Assert.Equal(until, _site.RestUntil);
    }

    [Fact]
    public void An_answer_ends_it_all()
    {
        Rest();

        Assert.True(_site.Connected());

        Assert.False(_site.IsResting);
        Assert.Equal(Known, Most);
        Assert.False(_site.Failed("refused"));
    }

    [Fact]
    public void While_it_rests_as_many_come_as_are_allowed_to_look()
    {
        Rest();

        _site.AllowLooks(2);

        Assert.Equal([Known, Known, 0], new[] { Most, Most, Most });
    }

    private void Rest()
    {
        for (var i = 0; i < 5; i++)
        {
            _site.Failed("refused");
        }
    }
}
