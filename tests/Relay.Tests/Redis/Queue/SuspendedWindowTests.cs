using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis;
using Relay.Redis.Keys;
using Relay.Redis.Queue;

namespace Relay.Tests.Redis.Queue;

/// <summary>A suspended lane costs nothing: neither room nor reads.</summary>
public sealed class SuspendedWindowTests
{
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UtcNow);
    private readonly Partition _partition;
    private readonly Window _window;

    public SuspendedWindowTests()
    {
        _window = new Window(Options.Create(new StoreOptions()), _time);
        _partition = new Partition(0, new PartitionKeys("t"));
        _partition.Take(default, default);
        _partition.Renew(long.MaxValue);
    }

    [Fact]
    public void A_lane_that_is_suspended_takes_no_room_and_asks_for_nothing()
    {
        for (var i = 0; i < 10; i++)
        {
            Accept(TestMail.To(_time, "a@x.test"));
        }

        Suspend(new QueueSelector { Domain = "x.test" });
        Accept(TestMail.To(_time, "b@x.test"));

        Assert.Equal((0, 0, 0), _window.Size);
        Assert.Empty(Lease());
        Assert.Empty(_window.TakeHungry(10).Shares);
        Assert.Equal(LaneShare.Nothing, _window.TakeHungry(10).NextDue);
        Assert.Equal(Discovery.Known, _window.Discover(_partition, new Lane("x.test", "acme", MessageClass.Transactional), Now, maySwap: false));
        Assert.Empty(_window.TakeHungry(10).Shares);
        Assert.Empty(_window.TakeQuiet(10));
    }

    [Fact]
    public void What_is_not_suspended_flows_beside_it()
    {
        Accept(TestMail.For(_time, "acme", "a@x.test"));
        Accept(TestMail.For(_time, "other", "a@x.test"));
        Accept(TestMail.For(_time, "acme", "a@y.test"));

        Suspend(new QueueSelector { Domain = "x.test", Account = "acme" });

        Assert.Equal(["acme|y.test", "other|x.test"], Lease().Select(l => $"{l.Message.Account}|{l.Unit.Lane.Domain}").Order());
    }

    [Fact]
    public void A_lane_found_again_after_its_suspension_is_read_at_once()
    {
        Accept(TestMail.To(_time, "a@x.test"));
        Suspend(new QueueSelector { Account = "acme" });

        Suspend();
        _window.Discover(_partition, new Lane("x.test", "acme", MessageClass.Transactional), Now, maySwap: false);

        Assert.Single(_window.TakeHungry(10).Shares);
    }

    [Fact]
    public void A_unit_in_flight_when_its_lane_is_suspended_is_left_in_the_store_when_it_comes_back()
    {
        Accept(TestMail.To(_time, "a@x.test"));
        var lease = Assert.Single(Lease());
        Suspend(new QueueSelector { Domain = "x.test" });

        _window.Release(lease);

        Assert.Equal((0, 0, 0), _window.Size);
        Assert.Empty(Lease());
    }

    [Fact]
    public void A_suspended_message_is_held_without_its_content_and_comes_back_by_a_read()
    {
        var message = TestMail.To(_time, "a@x.test");
        Accept(message);
        Accept(TestMail.To(_time, "b@x.test"));
        Suspend(new QueueSelector { Message = message.Id });

        Assert.NotEqual(message.Id, Assert.Single(Lease()).Message.Id);
        Assert.Equal(0, _window.Size.Waiting);

        Suspend();

        Assert.Single(_window.TakeHungry(10).Shares);
    }

    [Fact]
    public void A_claimed_unit_is_not_leased_until_it_is_given_back()
    {
        var message = TestMail.To(_time, "a@x.test");
        Accept(message);
        var unit = Unit.Of(message)[0];

        Assert.Equal([unit.Id], _window.Claim(_partition, [(unit.Id, unit.Lane, Now)]));
        Assert.Empty(Lease());

        _window.Unclaim([unit.Id]);
        Assert.Single(_window.TakeHungry(10).Shares);
    }

    [Fact]
    public void A_unit_in_flight_is_claimed_when_it_comes_back_untried()
    {
        var message = TestMail.To(_time, "a@x.test");
        Accept(message);
        var unit = Unit.Of(message)[0];
        var lease = Assert.Single(Lease());
        Assert.Empty(_window.Claim(_partition, [(unit.Id, unit.Lane, Now)]));

        _window.Release(lease);

        Assert.Empty(Lease());
        Assert.Equal([unit.Id], _window.Claim(_partition, [(unit.Id, unit.Lane, Now)]));
    }

    private long Now => _time.GetUtcNow().ToUnixTimeMilliseconds();

    private void Accept(Message message)
    {
        var units = Unit.Of(message);
        _window.BeginAccept(_partition, units, message.DueAt.ToUnixTimeMilliseconds());
        _window.EndAccept(_partition, message, units, message.DueAt.ToUnixTimeMilliseconds());
    }

    private IReadOnlyList<Lease> Lease() => _window.Take(TestMail.Everything);

    private void Suspend(params QueueSelector[] selectors) => _window.Suspend(new SuspensionSnapshot([.. selectors.Select((selector, i) => new Suspension
    {
        Id = $"sus_{i}",
        Selector = selector,
        Reason = "maintenance",
        By = "admin",
        CreatedAt = _time.GetUtcNow(),
    })]));
}
