using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis;
using Relay.Redis.Keys;
using Relay.Redis.Queue;

namespace Relay.Tests.Redis.Queue;

/// <summary>A lane stands in many partitions, and one of them is on a shard that is away.</summary>
public sealed class AwayPartitionTests
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly Partition _away = new(0, new PartitionKeys("a"));
    private readonly Partition _here = new(1, new PartitionKeys("b"));
    private readonly Window _window;

    public AwayPartitionTests()
    {
        _window = new Window(Options.Create(new StoreOptions()), _time);
        foreach (var partition in (Partition[])[_away, _here])
        {
            partition.Take(default, default);
            partition.Renew(long.MaxValue);
        }
    }

    [Fact]
    public void What_is_first_in_the_lane_is_left_in_the_store_and_keeps_nothing_behind_it_waiting()
    {
        Accept(_away);
        var second = Accept(_here);
        _away.Renew(0);

        Assert.Equal(second, Assert.Single(Take()).Message.Id);
        Assert.Equal(0, _window.Size.Waiting);
    }

    [Fact]
    public void It_is_read_when_its_partition_is_back_and_not_before()
    {
        Accept(_away);
        Accept(_here);
        _away.Renew(0);
        Take();
        Assert.Empty(_window.TakeHungry(8).Shares);
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.Empty(_window.TakeHungry(8).Shares);

        _away.Renew(long.MaxValue);
        _window.Returned(_away);

        Assert.Equal(_away, Assert.Single(_window.TakeHungry(8).Shares).Partition);
    }

    [Fact]
    public void Where_all_are_away_for_a_moment_what_waits_is_kept()
    {
        MessageId[] both = [Accept(_away), Accept(_here)];
        _away.Renew(0);
        _here.Renew(0);
        Assert.Empty(Take());
        Assert.Equal(2, _window.Size.Waiting);

        _away.Renew(long.MaxValue);
        _here.Renew(long.MaxValue);
        _window.Signal();

        Assert.Equal(both, Take().Select(lease => lease.Message.Id));
    }

    [Fact]
    public void Where_it_went_quiet_it_is_in_nobodys_way_and_quiet_again_when_its_partition_is_back()
    {
        Accept(_away);
        Accept(_here);
        foreach (var lease in Take())
        {
            _window.Settled(lease.Id, null);
        }

        _away.Renew(0);
        Assert.Equal(_here, Assert.Single(QuietOnes()));

        _away.Renew(long.MaxValue);
        _window.Returned(_away);
        Assert.Equal([_away, _here], QuietOnes().OrderBy(partition => partition.Number));
    }

    // As the refiller takes them, none of which it can do anything about.
    private List<Partition> QuietOnes()
    {
        IReadOnlyList<LaneShare> quiet = [.. _window.TakeQuiet(1), .. _window.TakeQuiet(1)];
        foreach (var share in quiet)
        {
            _window.KeepQuiet(share);
        }

        return [.. quiet.Select(share => share.Partition)];
    }

    private IReadOnlyList<Lease> Take() => _window.Take(TestMail.Everything);

    private MessageId Accept(Partition partition)
    {
        _time.Advance(TimeSpan.FromMilliseconds(1));
        var message = TestMail.To(_time, "a@x.test");
        var due = _time.GetUtcNow().ToUnixTimeMilliseconds();
        _window.BeginAccept(partition, Unit.Of(message), due);
        _window.EndAccept(partition, message, Unit.Of(message), due);
        return message.Id;
    }
}
