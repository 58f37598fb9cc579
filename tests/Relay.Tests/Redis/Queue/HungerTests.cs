using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis;
using Relay.Redis.Keys;
using Relay.Redis.Queue;

namespace Relay.Tests.Redis.Queue;

/// <summary>What is remembered of lanes follows the lanes in hand, not the mail that waits for its time.</summary>
public sealed class HungerTests
{
    private const long Later = 4 * 60 * 60 * 1_000;

    private readonly Hunger _hunger = new();
    private readonly LaneTable _lanes = new(places: 100_000);
    private readonly Partition _partition = new(0, new PartitionKeys("t"));

    [Fact]
    public void Times_of_lanes_that_have_gone_are_forgotten_before_they_come()
    {
        for (var i = 0; i < 100_000; i++)
        {
            var share = WaitUntil($"d{i}.test", Later + i);
            if (i % 1_000 != 0)
            {
                _lanes.Remove(share);
            }
        }

        Assert.InRange(_hunger.Times, 100, 10_000);
        Assert.Equal(100, TakeAll().Where(share => share.IsCurrent).Distinct().Count());
    }

    private List<LaneShare> TakeAll()
    {
        var taken = new List<LaneShare>();
        while (_hunger.Times > 0)
        {
            taken.AddRange(_hunger.TakeDue(LaneShare.Nothing));
        }

        return taken;
    }

    private LaneShare WaitUntil(string domain, long due)
    {
        var share = _lanes.GetShare(_partition, new Lane(domain, "acme", MessageClass.Transactional));
        share.NextInStore = due;
        _hunger.LookAt(share, due);
        return share;
    }
}
