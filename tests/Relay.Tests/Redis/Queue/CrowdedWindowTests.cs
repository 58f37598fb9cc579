using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis;
using Relay.Redis.Keys;
using Relay.Redis.Queue;

namespace Relay.Tests.Redis.Queue;

/// <summary>Twenty times as many lanes have mail as may be known: each has its turn, and no more are ever known.</summary>
public sealed class CrowdedWindowTests
{
    private const int Places = 500;
    private const int Lanes = 10_000;
    private const int PerRead = 8;

    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly Partition _partition = new(0, new PartitionKeys("t"));
    private readonly Dictionary<Lane, Gate> _gates = [];
    private Window _window;
    private Func<Lane, Gate?> _gateOf;
    private Func<Lane, bool>? _hasRoom;

    // Lanes read so far, as often as each was.
    private readonly List<Lane> _read = [];

    // The store: one unit a lane, in the order in which lanes stand there.
    private readonly SortedSet<(long Due, string Name)> _lanes = new(Comparer<(long Due, string Name)>.Create(
        static (a, b) => a.Due != b.Due ? a.Due.CompareTo(b.Due) : string.CompareOrdinal(a.Name, b.Name)));
    private readonly Dictionary<string, long> _dues = [];
    private readonly Dictionary<string, Message> _units = [];

    public CrowdedWindowTests()
    {
        _gateOf = lane => lane.Domain.StartsWith("dead", StringComparison.Ordinal) ? _gates.TryGetValue(lane, out var gate) ? gate : _gates[lane] = new Gate() : null;
        _partition.Take(default, default);
        _partition.Renew(long.MaxValue);
        _window = WindowOf(units: 200);
    }

    private long Now => _time.GetUtcNow().ToUnixTimeMilliseconds();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void All_mail_leaves_though_most_lanes_wait_for_hosts_that_are_dead(bool tellsOfRoom)
    {
        _hasRoom = tellsOfRoom ? lane => _gateOf(lane) is null : null;
        for (var i = 0; i < Lanes; i++)
        {
            Store("big", i % 10 == 0 ? $"alive{i}" : $"dead{i}");
        }

        PassUntil(() => _units.Count == Lanes / 10 * 9);

        _gateOf = _ => null;
        foreach (var gate in _gates.Values)
        {
            _window.Open(gate);
        }

        PassUntil(() => _units.Count == 0);
    }

    [Fact]
    public void Lanes_that_take_the_places_of_others_are_read_only_when_there_is_room_for_their_mail()
    {
        _hasRoom = lane => _gateOf(lane) is null;
        CrowdWithDead();
        _read.Clear();

        for (var pass = 0; pass < 20; pass++)
        {
            Pass(LaneLook.Beat);
        }

        Assert.Empty(_read);

        // Each has its turn all the same.
        for (var i = 0; i < 100; i++)
        {
            Store("big", $"alive{i}");
        }

        PassUntil(() => _units.Count == 4 * Places);

        // And when they have left their places are free: whoever gets one of these is read.
        Assert.InRange(_read.Count, 100, 200);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_lane_that_was_let_in_before_it_was_read_needs_no_second_turn(bool isAskedAnew)
    {
        CrowdWithDead();
        Store("big", "late");
        var (lane, gate, turns, others) = (LaneOf("big", "late"), new Gate(), 0, _gateOf);
        _hasRoom = _ => false;
        _gateOf = asked => asked != lane ? others(asked) : turns-- > 0 ? null : gate;
        Assert.Equal(Discovery.Swapped, _window.Discover(_partition, lane, Now, maySwap: true));
        Assert.Empty(Take(1));

        turns = 1;
        _window.Open(gate);
        var demand = new LeaseDemand(1, long.MaxValue, _gateOf) { HasRoom = _hasRoom };
        Assert.Empty(_window.Take(demand));
        while (Read())
        {
        }

        // Where it is another's asking only what is gone again at once.
        var next = isAskedAnew ? demand with { IsPutOff = asked => asked == lane } : demand;
        Assert.Equal(lane, Assert.Single(_window.Take(next)).Unit.Lane);
        Assert.Equal(0, turns);
    }

    [Fact]
    public void An_account_with_few_that_finds_nobody_to_make_place_is_looked_for_again_soon()
    {
        for (var i = 0; i < 2 * Places; i++)
        {
            Store("big", $"d{i}");
        }

        Look();
        Assert.False(_partition.Look.IsUrgent);
        Assert.Equal(Discovery.NoPlaceYet, _window.Discover(_partition, LaneOf("small", "alive"), Now, maySwap: true));
        Assert.Equal(Discovery.NoPlace, _window.Discover(_partition, LaneOf("big", "alive"), Now, maySwap: true));
    }

    [Fact]
    public void Who_waits_longest_for_a_gate_stays_and_is_let_in_first()
    {
        var gate = new Gate();
        _gateOf = _ => gate;
        _window = WindowOf(units: 10 * Places);
        for (var i = 0; i < Lanes; i++)
        {
            Store("big", $"d{i}", milliseconds: i);
        }

        _time.Advance(TimeSpan.FromMilliseconds(Lanes));
        for (var i = 0; i < 20; i++)
        {
            Pass(TimeSpan.Zero);
        }

        _gateOf = _ => null;
        _window.Open(gate);
        Assert.Equal(["d0.test", "d1.test", "d2.test"], Take(3).Select(lease => lease.Unit.Lane.Domain));
    }

    [Fact]
    public void The_next_look_finds_the_account_that_has_little()
    {
        CrowdWithDead();
        Store("small", "alive");

        Look();

        Assert.Contains(_window.TakeHungry(PerRead).Shares, share => share.Turn.Lane.Account == "small");
        CheckPlaces();
    }

    [Fact]
    public void New_mail_of_a_new_lane_leaves_at_once()
    {
        CrowdWithDead();
        for (var i = 0; i < 100; i++)
        {
            Accept(Store("big", $"new{i}"));
            Assert.Equal($"new{i}.test", Assert.Single(Take(10)).Unit.Lane.Domain);
            CheckPlaces();
        }
    }

    [Fact]
    public void What_finds_no_place_since_all_that_is_known_is_under_way_is_found_in_the_store()
    {
        _window = WindowOf(units: 10 * Places);
        for (var i = 0; i < Places; i++)
        {
            Accept(Store("big", $"d{i}"));
        }

        var leases = Take(Places);
        Assert.Equal(Places, leases.Count);
        Accept(Store("big", "late"));
        Assert.Empty(Take(1));
        CheckPlaces();

        foreach (var lease in leases)
        {
            Settle(lease);
        }

        PassUntil(() => _units.Count == 0);
    }

    [Fact]
    public void A_lane_with_mail_in_many_partitions_takes_more_than_one_place()
    {
        var partitions = Enumerable.Range(0, 64).Select(n => new Partition(n, new PartitionKeys($"p{n}"))).ToList();
        foreach (var partition in partitions)
        {
            partition.Take(default, default);
            partition.Renew(long.MaxValue);
        }

        for (var i = 0; i < Places; i++)
        {
            foreach (var partition in partitions)
            {
                _window.Discover(partition, LaneOf("big", $"d{i}"), Now, maySwap: true);
            }
        }

        Assert.InRange(_window.Lanes.Shares, Places, 4 * Places);
    }

    [Fact]
    public void A_partition_that_is_won_again_before_it_was_dropped_is_looked_through_anew()
    {
        Store("small", "alive");
        _partition.Lose();
        _partition.Take(default, default);
        Look();

        // The loop that lost it comes only now.
        _window.Drop(_partition);

        PassUntil(() => _units.Count == 0);
    }

    private static Lane LaneOf(string account, string name) => new($"{name}.test", account, MessageClass.Transactional);

    private Window WindowOf(int units) =>
        new(Options.Create(new StoreOptions { Queue = new QueueOptions { WindowUnits = units, WindowLanes = Places } }), _time);

    private void CrowdWithDead()
    {
        for (var i = 0; i < 4 * Places; i++)
        {
            Store("big", $"dead{i}");
        }

        Pass(TimeSpan.FromSeconds(2));
        Pass(TimeSpan.FromSeconds(2));
        Assert.Equal(Places, _window.Lanes.Known);
    }

    private Message Store(string account, string name, int milliseconds = 0)
    {
        var message = TestMail.For(_time, account, $"a@{name}.test");
        var lane = LaneOf(account, name).ToString();
        _units[lane] = message;
        _dues[lane] = Now + milliseconds;
        _lanes.Add((_dues[lane], lane));
        return message;
    }

    private void Accept(Message message)
    {
        _window.BeginAccept(_partition, Unit.Of(message), Now);
        _window.EndAccept(_partition, message, Unit.Of(message), Now);
    }

    private IReadOnlyList<Lease> Take(int count) => _window.Take(new LeaseDemand(count, long.MaxValue, _gateOf) { HasRoom = _hasRoom });

    private void Settle(Lease lease)
    {
        Assert.True(_units.Remove(lease.Unit.Lane.ToString()), $"{lease.Id} was leased twice");
        _window.Settled(lease.Id, null);
    }

    private void PassUntil(Func<bool> holds)
    {
        for (var pass = 0; !holds(); pass++)
        {
            // Each lets at least a hundred others in, where it does not find places for more.
            Assert.True(pass < 2 * Lanes / 100, $"{_units.Count} lanes had no turn in {pass} passes");
            Pass(TimeSpan.FromSeconds(2));
        }
    }

    // All lanes are looked through; those that are known then are read, and their mail leaves where it can.
    private void Pass(TimeSpan then)
    {
        ForgetQuiet();
        Look();
        do
        {
            CheckPlaces();
            foreach (var lease in Take(int.MaxValue))
            {
                Settle(lease);
            }
        }
        while (Read());

        _time.Advance(then);
    }

    private void Look()
    {
        var look = _partition.Look;
        look.LookAgain(Now);
        if (look.Next > Now)
        {
            return;
        }

        var from = look.Begin();
        _window.BeginLook(_partition, from);
        var next = LaneShare.Nothing;
        foreach (var (due, name) in _lanes.SkipWhile(lane => lane.Due < from))
        {
            if (due > Now)
            {
                next = due;
                break;
            }

            Assert.True(Lane.TryParse(name, out var lane));
            look.Looked(due, name, _window.Discover(_partition, lane, due, look.MaySwap(due, name)));
        }

        look.End(next, Now);
    }

    private bool Read()
    {
        var shares = _window.TakeHungry(PerRead).Shares;
        foreach (var share in shares)
        {
            _read.Add(share.Turn.Lane);
            var count = _window.BeginRefill(share, PerRead);
            var hasUnit = _units.TryGetValue(share.Turn.Lane.ToString(), out var stored);
            var units = hasUnit ? Unit.Of(stored!) : [];
            foreach (var id in _window.Found(share, [.. units.Select(unit => (unit.Id, _dues[unit.Lane.ToString()]))], complete: units.Count < count, PerRead))
            {
                _window.TryLoad(share, new Lease { Unit = Assert.Single(units, unit => unit.Id == id), Message = stored! });
            }

            _window.EndRefill(share, failed: false);
        }

        return shares.Count > 0;
    }

    private void ForgetQuiet()
    {
        foreach (var share in _window.TakeQuiet(Lanes))
        {
            var name = share.Turn.Lane.ToString();
            if (_units.ContainsKey(name))
            {
                _window.TryForget(share, _dues[name]);
            }
            else
            {
                _lanes.Remove((_dues[name], name));
                _window.TryForget(share, LaneShare.Nothing);
            }
        }
    }

    private void CheckPlaces() => Assert.InRange(_window.Lanes.Known, 0, Places);
}
