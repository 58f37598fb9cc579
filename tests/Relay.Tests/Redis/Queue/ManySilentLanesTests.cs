using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis;
using Relay.Redis.Keys;
using Relay.Redis.Queue;

namespace Relay.Tests.Redis.Queue;

/// <summary>Thousands of lanes that get nowhere cost the healthy lanes of the same account neither their turn nor their place.</summary>
public sealed class ManySilentLanesTests
{
    private const int Silent = 5_000;
    private const int WindowUnits = 2_000;

    // As many lanes as are read at once.
    private const int PerRound = 8;

    private readonly FakeTimeProvider _time = new(DateTimeOffset.UtcNow);
    private readonly Partition _partition = new(0, new PartitionKeys("t"));
    private readonly Gate _account = new();
    private readonly Window _window;

    public ManySilentLanesTests()
    {
        _partition.Take(default, default);
        _partition.Renew(long.MaxValue);
        _window = new Window(Options.Create(new StoreOptions { Queue = new QueueOptions { WindowUnits = WindowUnits } }), _time);
    }

    [Fact]
    public void A_lane_whose_mail_leaves_is_read_before_those_of_which_nothing_is_known()
    {
        Accept("alive");
        _window.Settled(Assert.Single(Take()).Id, null);
        Discover(Silent);
        _window.Arrived(_partition, LaneOf("alive"), Now);

        Assert.Contains(_window.TakeHungry(PerRound).Shares, share => share.Turn.Lane == LaneOf("alive"));
    }

    [Fact]
    public void Those_of_which_nothing_is_known_are_read_all_the_same()
    {
        for (var i = 0; i < 20; i++)
        {
            Accept($"alive{i}");
        }

        foreach (var lease in Take())
        {
            _window.Settled(lease.Id, null);
        }

        Discover(Silent);
        for (var i = 0; i < 20; i++)
        {
            _window.Arrived(_partition, LaneOf($"alive{i}"), Now);
        }

        Assert.Contains(_window.TakeHungry(PerRound).Shares, share => share.Turn.Lane.Domain.StartsWith("silent", StringComparison.Ordinal));
    }

    [Fact]
    public void Another_account_is_read_in_the_next_turn()
    {
        Discover(Silent);
        _window.Arrived(_partition, new Lane("x.test", "other", MessageClass.Transactional), Now);

        Assert.Contains(_window.TakeHungry(PerRound).Shares, share => share.Turn.Lane.Account == "other");
    }

    [Fact]
    public void Mail_is_leased_at_once_however_much_of_its_account_waits_behind_gates()
    {
        for (var i = 0; i < Silent; i++)
        {
            Accept($"silent{i}");
        }

        Assert.Empty(Take());

        // More than the window has left for the account, again and again.
        var leased = 0;
        for (var round = 0; round < 20; round++)
        {
            for (var i = 0; i < 500; i++)
            {
                Accept("alive");
            }

            foreach (var lease in Take())
            {
                Assert.Equal("alive.test", lease.Unit.Lane.Domain);
                _window.Settled(lease.Id, null);
                leased++;
            }
        }

        Assert.Equal(20 * 500, leased);
        Assert.DoesNotContain(_window.TakeHungry(PerRound).Shares, share => share.Turn.Lane == LaneOf("alive"));
    }

    [Fact]
    public void What_was_leased_before_somebody_failed_to_answer_is_not_lost()
    {
        Accept("broken");
        Accept("alive");
        IReadOnlyList<Lease> Take() => _window.Take(TestMail.Everything with
        {
            ClosedGate = lane => lane.Domain == "broken.test" ? throw new InvalidOperationException("as the test wants it") : null,
        });

        Assert.Equal("alive.test", Assert.Single(Take()).Unit.Lane.Domain);
        Assert.Throws<InvalidOperationException>(Take);
        Assert.Equal("broken.test", Assert.Single(_window.Take(TestMail.Everything)).Unit.Lane.Domain);
    }

    private long Now => _time.GetUtcNow().ToUnixTimeMilliseconds();

    private static Lane LaneOf(string name) => new($"{name}.test", "big", MessageClass.Transactional);

    private IReadOnlyList<Lease> Take() =>
        _window.Take(TestMail.Everything with { ClosedGate = lane => lane.Domain.StartsWith("silent", StringComparison.Ordinal) ? _account : null });

    private void Discover(int count)
    {
        for (var i = 0; i < count; i++)
        {
            Assert.Equal(Discovery.Known, _window.Discover(_partition, LaneOf($"silent{i}"), Now, maySwap: false));
        }
    }

    private void Accept(string name)
    {
        var message = TestMail.For(_time, "big", $"a@{name}.test");
        _window.BeginAccept(_partition, Unit.Of(message), Now);
        _window.EndAccept(_partition, message, Unit.Of(message), Now);
    }
}
