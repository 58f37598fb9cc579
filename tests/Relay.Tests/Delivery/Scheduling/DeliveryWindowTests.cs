using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Relay.Delivery;
using Relay.Delivery.Scheduling;
using Relay.Mail.Queue;
using Relay.TestKit.InMemory;

namespace Relay.Tests.Delivery.Scheduling;

/// <summary>What one more unit waits for when its account holds more than its share: 40 of 64, with 24 free.</summary>
public sealed class DeliveryWindowTests
{
    private const int Most = 320;

    private readonly FakeTimeProvider _time = new(DateTimeOffset.UtcNow);
    private readonly DeliveryWindow _window;
    private readonly Stock _place = new();
    private readonly string _account;

    public DeliveryWindowTests()
    {
        _window = new DeliveryWindow(
            new InMemoryMailQueue(_time), Options.Create(new DeliveryOptions { Window = new WindowOptions { Units = 64 } }), _time);
        var message = A.Message(_time, "a@x.test");
        _account = message.Account;
        for (var i = 0; i < 40; i++)
        {
            _window.Take(new HeldLease(new Lease { Unit = Unit.Of(message)[0], Message = message }));
        }

        _window.BeginAsking();
    }

    [Fact]
    public void A_site_that_answers_gets_its_little_part_and_then_waits_behind_its_own_gate()
    {
        Assert.Null(_window.ClosedGate(_account, _place, new Room(Most), isGood: true));

        Assert.Same(_place.Gate, _window.ClosedGate(_account, _place, new Room(Most), isGood: true));
    }

    [Fact]
    public void A_stranger_gets_one_unit_and_then_waits_with_its_account()
    {
        Assert.Null(_window.ClosedGate(_account, _place, new Room(Most), isGood: false));
        _place.Add();

        var gate = _window.ClosedGate(_account, _place, new Room(Most), isGood: false);

        Assert.NotNull(gate);
        Assert.NotSame(_place.Gate, gate);
    }

    [Fact]
    public void Strangers_get_their_places_one_after_the_other_the_slower_the_less_is_left()
    {
        // (3 * 24 - 40) / 4 are left, to last for the half minute that each of them may keep us waiting.
        Assert.Null(Ask());
        Assert.NotNull(Ask());
        Assert.False(_window.Fits(_account, new Stock(), new Room(Most), isGood: false));

        _time.Advance(TimeSpan.FromSeconds(30.0 / 8) - TimeSpan.FromMilliseconds(1));
        Assert.NotNull(Ask());
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.True(_window.Fits(_account, new Stock(), new Room(Most), isGood: false));
        Assert.Null(Ask());

        // What answers waits for none of them.
        Assert.Null(_window.ClosedGate(_account, new Stock(), new Room(Most), isGood: true));

        Gate? Ask() => _window.ClosedGate(_account, new Stock(), new Room(Most), isGood: false);
    }

    [Fact]
    public void Another_account_has_its_share_of_what_is_free()
    {
        for (var i = 0; i < 12; i++)
        {
            Assert.Null(_window.ClosedGate("other", _place, new Room(Most), isGood: false));
        }

        Assert.Same(_place.Gate, _window.ClosedGate("other", _place, new Room(Most), isGood: false));
    }
}
