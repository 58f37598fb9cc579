using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis;
using Relay.Redis.Keys;
using Relay.Redis.Queue;

namespace Relay.Tests.Redis.Queue;

/// <summary>Who finds room in a window of sixteen, of which an account may have half.</summary>
public sealed class WindowRoomTests
{
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UtcNow);
    private readonly Partition _partition = new(0, new PartitionKeys("t"));
    private readonly Gate _dead = new();
    private readonly Window _window;

    public WindowRoomTests()
    {
        _partition.Take(default, default);
        _partition.Renew(long.MaxValue);
        _window = new Window(Options.Create(new StoreOptions { Queue = new QueueOptions { WindowUnits = 16, AccountShare = 0.5 } }), _time);
    }

    [Fact]
    public void One_account_fills_no_more_than_its_share()
    {
        Accept("big", "x", 20);

        Assert.Equal(8, _window.Size.Waiting);
    }

    [Fact]
    public void A_dead_lanes_mail_gives_way_to_other_mail_of_its_account()
    {
        Accept("big", "dead", 20);
        Assert.Empty(Take());

        Accept("big", "alive", 6);

        Assert.Equal(6, Take().Count);
    }

    [Fact]
    public void Many_dead_lanes_with_little_each_give_way_too()
    {
        for (var i = 0; i < 8; i++)
        {
            Accept("big", $"dead{i}", 1);
        }

        Assert.Empty(Take());

        Accept("big", "alive", 6);

        Assert.Equal(6, Take().Count);
    }

    [Fact]
    public void A_full_window_has_room_for_an_account_that_has_nothing_in_it()
    {
        Accept("one", "x", 8);
        Accept("two", "x", 8);

        Accept("small", "y", 1);

        Assert.Contains(Take(), lease => lease.Message.Account == "small");
    }

    [Fact]
    public void What_gave_way_is_read_back_when_its_lane_has_its_turn()
    {
        Accept("big", "dead", 8);
        Assert.Empty(Take());
        Accept("big", "alive", 6);
        Take();

        _window.Open(_dead);
        var taken = _window.Take(TestMail.Everything);

        Assert.NotEmpty(taken);
        Assert.Single(_window.TakeHungry(10).Shares);
    }

    [Fact]
    public void A_lane_that_may_go_is_read_for_more_than_one_unit_though_the_window_is_full_of_those_that_wait()
    {
        Accept("other", "dead", 8);
        for (var i = 0; i < 8; i++)
        {
            Accept("big", $"dead{i}", 1);
        }

        Assert.Empty(Take());
        Assert.Equal(16, _window.Size.Waiting);
        var messages = Enumerable.Range(0, 20).Select(_ => TestMail.For(_time, "big", "a@alive.test")).ToList();
        _window.Arrived(_partition, Lane.Of(messages[0], "alive.test"), _time.GetUtcNow().ToUnixTimeMilliseconds());

        var share = Assert.Single(_window.TakeHungry(10).Shares);
        _window.BeginRefill(share, 32);
        var found = _window.Found(share, [.. messages.Select(m => (Unit.Of(m)[0].Id, m.DueAt.ToUnixTimeMilliseconds()))], complete: true, 32);
        foreach (var id in found)
        {
            var message = messages.Single(m => m.Id == id.Message);
            _window.TryLoad(share, new Lease { Unit = Unit.Of(message)[0], Message = message });
        }

        _window.EndRefill(share, failed: false);

        // As much as its account may have, and all of that in the place of what waits.
        Assert.Equal(8, Take().Count);
        Assert.InRange(found.Count, 8, 16);
    }

    [Fact]
    public void A_lane_that_may_go_takes_all_the_room_of_those_that_wait()
    {
        for (var i = 0; i < 8; i++)
        {
            Accept("big", $"dead{i}", 1);
        }

        Assert.Empty(Take());

        Accept("big", "alive", 8);

        Assert.Equal(8, Take().Count);
    }

    private IReadOnlyList<Lease> Take() => _window.Take(TestMail.Everything with { ClosedGate = lane => lane.Domain.StartsWith("dead", StringComparison.Ordinal) ? _dead : null });

    private void Accept(string account, string domain, int count)
    {
        for (var i = 0; i < count; i++)
        {
            var message = TestMail.For(_time, account, $"a@{domain}.test");
            var due = message.DueAt.ToUnixTimeMilliseconds();
            _window.BeginAccept(_partition, Unit.Of(message), due);
            _window.EndAccept(_partition, message, Unit.Of(message), due);
        }
    }
}
