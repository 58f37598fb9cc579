using CsCheck;
using Relay.Mail.Sites;

namespace Relay.Tests.Mail.Sites;

public sealed class ShareTableTests
{
    private static readonly DateTimeOffset Morning = new(2026, 3, 1, 8, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Alone_a_node_has_what_it_can_use_up_to_the_limit()
    {
        Assert.Equal(7, ShareTable.Empty.Renew("a", new ShareWish(10, 7, 0), Morning).Share.Connections);
        Assert.Equal(10, ShareTable.Empty.Renew("a", new ShareWish(10, 70, 0), Morning).Share.Connections);
    }

    [Fact]
    public void Shares_follow_the_demand()
    {
        var nodes = new Nodes(10, 8, 100, 100);

        nodes.Run(TimeSpan.FromSeconds(20));
        Assert.Equal([3, 3, 4], nodes.Held.Order());

        nodes.Demand[1] = 1;
        nodes.Run(TimeSpan.FromSeconds(10));
        Assert.Equal([4, 1, 5], nodes.Held);
    }

    [Fact]
    public void What_else_there_is_goes_with_the_connections()
    {
        var nodes = new Nodes(10, 100, 100, 0);
        nodes.Run(TimeSpan.FromSeconds(10));
        Assert.Equal([0.5, 0.5, 0], nodes.Parts);

        nodes.Demand[1] = 0;
        nodes.Run(TimeSpan.FromSeconds(10));
        Assert.Equal([1, 0, 0], nodes.Parts);
    }

    [Fact]
    public void What_a_dead_node_held_is_given_to_the_others()
    {
        var nodes = new Nodes(10, 100, 100);
        nodes.Run(TimeSpan.FromSeconds(10));

        nodes.IsDead[0] = true;
        nodes.Run(ShareTable.Life + TimeSpan.FromSeconds(3));

        Assert.Equal(10, nodes.Held[1]);
    }

    [Fact]
    public void Eight_nodes_on_a_limit_of_two_all_get_their_turn()
    {
        var nodes = new Nodes(2, [.. Enumerable.Repeat(5, 8)]);

        nodes.Run(TimeSpan.FromMinutes(10));

        // An even part would be 150 seconds each.
        Assert.All(nodes.SecondsHeld, seconds => Assert.InRange(seconds, 90, 210));
        Assert.True(nodes.LongestWait < TimeSpan.FromSeconds(75), $"one waited {nodes.LongestWait}");
    }

    [Fact]
    public void Whoever_comes_and_goes_never_more_are_given_than_there_are_and_none_is_stuck()
    {
        Gen.Select(Gen.Int[1, 20], Gen.Int[0, 30].Array[1, 10], Gen.Int).Sample((limit, demand, seed) =>
        {
            var nodes = new Nodes(limit, demand) { Random = new Random(seed) };
            nodes.Run(TimeSpan.FromMinutes(8));

            Assert.True(nodes.LongestWait < TimeSpan.FromSeconds(13 * nodes.Count), $"one of {nodes.Count} waited {nodes.LongestWait} for {limit}");
        }, iter: 50);
    }

    /// <summary>Nodes that renew every two seconds and close what they may not keep within a second; some change their demand.</summary>
    private sealed class Nodes(int limit, params int[] demand)
    {
        private readonly ConnectionShare[] _shares = new ConnectionShare[demand.Length];
        private readonly int[] _inUse = new int[demand.Length];
        private readonly DateTimeOffset[] _hadSome = [.. demand.Select(_ => Morning)];
        private ShareTable _table = ShareTable.Empty;
        private DateTimeOffset _now = Morning;

        public int Count => Demand.Length;

        public int[] Demand { get; } = demand;

        public bool[] IsDead { get; } = new bool[demand.Length];

        public Random? Random { get; init; }

        public int[] SecondsHeld { get; } = new int[demand.Length];

        public TimeSpan LongestWait { get; private set; }

        public int[] Held => [.. _inUse];

        public double[] Parts => [.. _shares.Select((share, i) => PartOf(i))];

        public void Run(TimeSpan time)
        {
            for (var end = _now + time; _now < end; _now += TimeSpan.FromSeconds(1))
            {
                for (var i = 0; i < Count; i++)
                {
                    Live(i);
                }

                Assert.True(_inUse.Where((_, i) => !IsDead[i]).Sum() <= limit, $"{_inUse.Sum()} of {limit}");
                Assert.True(Parts.Sum() < 1 + 1e-9, $"{Parts.Sum()} of 1");
            }
        }

        private double PartOf(int i) => !IsDead[i] && _shares[i].Until > _now ? _shares[i].Part : 0;

        private void Live(int i)
        {
            if (IsDead[i])
            {
                _inUse[i] = 0;
                return;
            }

            if (Random?.Next(30) == 0)
            {
                Demand[i] = Random.Next(4) == 0 ? 0 : Random.Next(30);
            }

            if ((_now.Second + i) % 2 == 0)
            {
                (_table, _shares[i]) = _table.Renew($"n{i}", new ShareWish(limit, Demand[i], _inUse[i]), _now);
            }

            _inUse[i] = _shares[i].Until > _now ? Math.Min(Demand[i], _shares[i].Connections) : 0;
            SecondsHeld[i] += _inUse[i] > 0 ? 1 : 0;
            if (_inUse[i] > 0 || Demand[i] == 0)
            {
                _hadSome[i] = _now;
            }

            LongestWait = _now - _hadSome[i] > LongestWait ? _now - _hadSome[i] : LongestWait;
        }
    }
}
