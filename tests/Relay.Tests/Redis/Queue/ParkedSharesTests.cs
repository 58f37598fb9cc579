using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis;
using Relay.Redis.Keys;
using Relay.Redis.Queue;

namespace Relay.Tests.Redis.Queue;

public sealed class ParkedSharesTests
{
    private readonly Partition _away = new(0, new PartitionKeys("a"));
    private readonly Partition _other = new(1, new PartitionKeys("b"));
    private readonly LaneTable _lanes = new(100);
    private readonly ParkedShares _parked = new();

    [Fact]
    public void What_waits_for_a_partition_comes_back_with_it_and_once()
    {
        var (first, second, other) = (Park(_away, "x.test"), Park(_away, "y.test"), Park(_other, "x.test"));

        Assert.Equal([first, second], _parked.TakeAll(_away));

        Assert.Empty(_parked.TakeAll(_away));
        Assert.Equal((false, false, true), (first.IsParked, second.IsParked, other.IsParked));
    }

    [Fact]
    public void What_was_forgotten_meanwhile_does_not_come_back()
    {
        var (gone, left) = (Park(_away, "x.test"), Park(_away, "y.test"));

        _parked.Remove(gone);

        Assert.Equal([left], _parked.TakeAll(_away));
        Assert.False(gone.IsParked);
    }

    private LaneShare Park(Partition partition, string domain)
    {
        var share = _lanes.GetShare(partition, new Lane(domain, "shop", MessageClass.Transactional));
        _parked.Add(share);
        return share;
    }
}
