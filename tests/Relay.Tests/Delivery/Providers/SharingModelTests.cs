using CsCheck;
using Microsoft.Extensions.Time.Testing;
using Relay.Delivery.Providers;
using Relay.Delivery.Routing;
using Relay.Delivery.Scheduling;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Mail.Sites;

namespace Relay.Tests.Delivery.Providers;

/// <summary>
/// Several nodes with mail for one receiver that takes few connections, one small step after the other in any order: couriers
/// that connect, send, wait, tire of it and leave, mail that comes, beats of the clock, nodes that come and go.
/// </summary>
public sealed class SharingModelTests
{
    private const int Steps = 500;

    // None, or one at which all the mail of a run leaves within its rounds.
    private static readonly Gen<Rate?> Rates = Gen.Int[-600, 600].Select(perMinute => perMinute >= 5 ? new Rate(perMinute, TimeSpan.FromMinutes(1)) : (Rate?)null);

    // A beat each, in which every courier does all it can: more than the nodes need for each to have its turn at each site.
    private const int MostRounds = 2_000;

    [Fact]
    public void Nobody_opens_one_too_many_and_no_mail_waits_beside_a_free_place() =>
        Gen.Select(Gen.Int[1, 6], Rates, Gen.Int[1, 6], Gen.Int[1, 3], Gen.Int).Sample(Play, iter: 60);

    /// <summary>Found by chance, and kept.</summary>
    [Theory]
    [InlineData(5, 5, 2, 3, 1026)]
    public void What_was_found_once_is_not_found_again(int limit, int perMinute, int nodes, int sites, int seed) =>
        Play(limit, new Rate(perMinute, TimeSpan.FromMinutes(1)), nodes, sites, seed);

    [Fact]
    public void Whichever_nodes_come_and_go_and_however_often_the_store_is_away_all_mail_leaves() =>
        Gen.Select(Gen.Int[1, 6], Rates, Gen.Int[1, 6], Gen.Int[1, 3], Gen.Int).Sample((limit, rate, nodes, sites, seed) =>
        {
            using var model = new Model(new Ceilings(limit, 100, rate), nodes, sites, new Random(seed));
            for (var i = 0; i < Steps; i++)
            {
                model.Step();
                model.Disturb();
            }

            model.Drain();
        }, iter: 60);

    [Fact]
    public void Mail_is_carried_by_those_that_may_stay_when_a_share_has_run_out()
    {
        using var model = new Model(new Ceilings(6, 100), nodes: 2, sites: 1, new Random(1));
        model.Send(3);
        Assert.Equal(2, model.Open);

        model.PassWithoutStore(ShareTable.Life + TimeSpan.FromSeconds(1));
        model.Accept();

        Assert.Null(model.WhoWaitsInVain());
    }

    private static void Play(int limit, Rate? rate, int nodes, int sites, int seed)
    {
        using var model = new Model(new Ceilings(limit, 100, rate), nodes, sites, new Random(seed));
        for (var i = 0; i < Steps; i++)
        {
            model.Step();
            Assert.True(model.Open <= limit, $"{model.Open} connections are open of {limit}");
            Assert.True(model.Sent <= model.MostAllowed, $"{model.Sent} messages were sent where {model.MostAllowed} may be");
            Assert.Null(model.WhoWaitsInVain());
        }

        model.Drain();
    }

    private sealed class Model : IDisposable
    {
        private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
        private readonly Board _board;
        private readonly List<Node> _nodes = [];
        private readonly DateTimeOffset _began;
        private readonly Ceilings _ceilings;
        private readonly int _sites;
        private readonly Random _random;
        private int _joined;

        public Model(Ceilings ceilings, int nodes, int sites, Random random)
        {
            (_ceilings, _sites, _random) = (ceilings, sites, random);
            _began = _time.GetUtcNow();
            _board = new Board(_time);
            for (var i = 0; i < nodes; i++)
            {
                Join();
            }
        }

        public int Open => _nodes.Sum(node => node.Open);

        public int Sent => _nodes.Sum(node => node.Sent);

        /// <summary>What the rate allows, with what each node may have saved up.</summary>
        public double MostAllowed => _ceilings.Rate is not { } rate
            ? double.PositiveInfinity
            : (((_time.GetUtcNow() - _began) / rate.Time * rate.Messages) * (1 + (0.001 * _nodes.Count)))
                + (_nodes.Count * (1 + (TimeSpan.FromSeconds(1) / rate.Time * rate.Messages)));

        public void Accept() => _nodes[0].Add(0, "account", MessageClass.Transactional);

        public void Send(int messages)
        {
            for (var i = 0; i < messages; i++)
            {
                Accept();
            }

            _nodes[0].MoveAll();
        }

        public void PassWithoutStore(TimeSpan time)
        {
            _board.IsAway = true;
            Pass(time);
        }

        public void Step()
        {
            var node = _nodes[_random.Next(_nodes.Count)];
            switch (_random.Next(12))
            {
                case 0 or 1:
                    node.Add(_random.Next(_sites), $"account{_random.Next(3)}", (MessageClass)_random.Next(2));
                    break;
                case 2:
                    Pass(TimeSpan.FromMilliseconds(_random.Next(2_000)));
                    break;
                case 3:
                    node.Tire(_random);
                    break;
                default:
                    node.MoveOne(_random);
                    break;
            }

            node.Ask();
        }

        public void Disturb()
        {
            switch (_random.Next(60))
            {
                case 0:
                    _board.IsAway = !_board.IsAway;
                    break;
                case 1 when _nodes.Count > 1:
                    var gone = _nodes[_random.Next(_nodes.Count)];
                    _nodes.Remove(gone);
                    gone.Dispose();
                    _board.Nodes--;
                    break;
                case 2 when _nodes.Count < 8:
                    Join();
                    break;
            }
        }

        /// <summary>All is well from now on: whatever waits must leave.</summary>
        public void Drain()
        {
            _board.IsAway = false;
            for (var round = 0; _nodes.Exists(node => node.Waiting > 0 || node.IsBusy); round++)
            {
                Assert.True(round < MostRounds, string.Join("; ", _nodes.Select(node => node.ToString())));
                Pass(Node.Beat);
                foreach (var node in _nodes)
                {
                    node.MoveAll();
                }
            }
        }

        public string? WhoWaitsInVain() => _nodes.Find(node => node.WaitsInVain)?.ToString();

        public void Dispose() => _nodes.ForEach(node => node.Dispose());

        private void Join()
        {
            _board.Nodes++;
            _nodes.Add(new Node($"node{++_joined}", _board, _ceilings, _sites, _time, _random.Next(2_000)));
        }

        private void Pass(TimeSpan time)
        {
            for (var end = _time.GetUtcNow() + time; _time.GetUtcNow() < end;)
            {
                var step = end - _time.GetUtcNow();
                _time.Advance(step < Node.Tick ? step : Node.Tick);
                _nodes.ForEach(node => node.Hear());
            }
        }
    }

    /// <summary>The real provider and sites of one node, and couriers that do what the real ones do, a step at a time.</summary>
    private sealed class Node : IDisposable
    {
        public static readonly TimeSpan Beat = TimeSpan.FromSeconds(2);
        public static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(250);

        private readonly string _name;
        private readonly FakeTimeProvider _time;
        private readonly NodeShares _shares;
        private readonly Provider _provider;
        private readonly Standing[] _standings;
        private readonly Site?[] _sites;
        private readonly List<Courier> _couriers = [];
        private DateTimeOffset _nextBeat;

        public Node(string name, Board board, Ceilings ceilings, int sites, FakeTimeProvider time, int phase)
        {
            (_name, _time) = (name, time);
            _shares = new NodeShares(board.For(name));
            _provider = new Provider("remote", isShared: sites > 1, ceilings, _shares, time, rests => TimeSpan.FromSeconds(30 * rests));
            _standings = [.. Enumerable.Range(0, sites).Select(i => new Standing(
                RoutePlan.ToExchangers([new RouteHost($"mx{i}.remote.test", 25)]), _provider, time, _ => TimeSpan.FromSeconds(30)))];
            _sites = new Site?[sites];
            _nextBeat = time.GetUtcNow() + TimeSpan.FromMilliseconds(phase);
        }

        public int Open => _couriers.Count(courier => courier.IsConnected);

        public int Sent { get; private set; }

        public int Waiting => _provider.Describe(_name)?.Waiting ?? 0;

        public bool IsBusy => _couriers.Exists(courier => !courier.IsParked);

        /// <summary>Mail waits although there is a place for it, and nobody is about to take it. What waits for a rate waits for the clock.</summary>
        public bool WaitsInVain => _provider.Ceilings.Rate is null && !IsBusy && _provider.Describe(_name) is { Waiting: > 0, Limit: > 0 };

        public void Add(int number, string account, MessageClass @class)
        {
            var message = A.Message(_time, $"a@domain{number}.test") with { Account = account, Class = @class };
            var held = new HeldLease(new Lease { Unit = Unit.Of(message)[0], Message = message });
            while (true)
            {
                var standing = _standings[number];
                var site = _sites[number] ??= new Site(standing.Plan, standing, hires => _couriers.Add(new Courier(hires)), gone => _sites[number] = null);
                if (site.TryAdd(held))
                {
                    return;
                }

                _sites[number] = null;
            }
        }

        public void MoveOne(Random random)
        {
            if (_couriers.Count > 0)
            {
                Move(_couriers[random.Next(_couriers.Count)]);
            }
        }

        public void MoveAll()
        {
            Ask();
            for (var moves = 0; _couriers.Exists(courier => !courier.IsParked); moves++)
            {
                Assert.True(moves < 1_000, $"{this} turns in a circle");
                foreach (var courier in _couriers.ToArray())
                {
                    Move(courier);
                }

                Ask();
            }
        }

        /// <summary>Some courier has waited for as long as a connection is kept warm.</summary>
        public void Tire(Random random)
        {
            if (_couriers.Count > 0)
            {
                _couriers[random.Next(_couriers.Count)].LosePatience();
            }
        }

        /// <summary>What mail that comes causes at once.</summary>
        public void Ask()
        {
            for (var asked = 0; _shares.Asking.TryRead(out var provider); asked++)
            {
                Assert.True(asked < 1_000, $"{this} asks again and again");
                Renew(provider);
            }
        }

        public void Hear()
        {
            if (_time.GetUtcNow() >= _nextBeat)
            {
                _nextBeat = _time.GetUtcNow() + Beat;
                Renew(_provider);
            }
        }

        public void Dispose() => _provider.Dispose();

        public override string ToString() =>
            $"{_name}: {_provider.Describe(_name)}, couriers {string.Join(", ", _couriers.Select(courier => courier.ToString()))}";

        private void Move(Courier courier)
        {
            if (courier.Move())
            {
                Sent++;
                _provider.Answered(TimeSpan.FromMilliseconds(1), wasTaken: true);
            }

            if (courier.HasLeft)
            {
                _couriers.Remove(courier);
            }
        }

        private void Renew(IShared provider)
        {
            try
            {
                var asked = _shares.RenewAsync(provider, CancellationToken.None);
                Assert.True(asked.IsCompleted);
                asked.GetAwaiter().GetResult();
            }
            catch (StoreUnavailableException)
            {
                // What was given before holds until its end.
            }
        }
    }

    private sealed class Courier(Site site)
    {
        private TaskCompletionSource<HeldLease?>? _wake;
        private HeldLease? _held;
        private bool _isGoing;
        private bool _isCounted;

        public bool IsConnected { get; private set; }

        public bool HasLeft { get; private set; }

        public bool IsParked => _wake is { Task.IsCompleted: false };

        /// <summary>True when a message was answered by it.</summary>
        public bool Move()
        {
            if (IsParked)
            {
                return false;
            }

            if (_wake is not null)
            {
                _held = _wake.Task.Result;
                _wake = null;
                _isGoing = _held is null;
                _isCounted = !_isGoing;
            }
            else if (_held is not null)
            {
                return ConnectOrSend();
            }
            else if (_isGoing)
            {
                Go();
            }
            else if (!site.TryTake(out _held))
            {
                Rest();
            }

            return false;
        }

        public void LosePatience()
        {
            if (IsParked && site.TryUnpark(_wake!))
            {
                _wake!.SetResult(null);
            }
        }

        public override string ToString() => IsParked ? "parked" : _isGoing ? "going" : _held is null ? "idle" : IsConnected ? "sending" : "connecting";

        private bool ConnectOrSend()
        {
            if (!IsConnected)
            {
                IsConnected = _isCounted = true;
                site.Connected();
                site.Standing.Connected();
                return false;
            }

            _held = null;
            return true;
        }

        private void Rest()
        {
            if (!IsConnected)
            {
                _isGoing = true;
                return;
            }

            var wake = new TaskCompletionSource<HeldLease?>();
            if (!site.TryPark(wake, out _held))
            {
                (_isGoing, _isCounted) = (true, false);
            }
            else if (_held is null)
            {
                _wake = wake;
            }
        }

        // First the connection is closed, then the place given up.
        private void Go()
        {
            if (IsConnected)
            {
                IsConnected = false;
                if (_isCounted)
                {
                    _isCounted = false;
                    site.Disconnected();
                }

                return;
            }

            _isGoing = false;
            HasLeft = site.TryLeave(out _held);
        }
    }

    /// <summary>The table that all nodes share, which may be out of reach.</summary>
    private sealed class Board(TimeProvider time)
    {
        private ShareTable _table = ShareTable.Empty;

        public int Nodes { get; set; }

        public bool IsAway { get; set; }

        public ISiteBoard For(string node) => new View(this, node);

        private ConnectionShare Renew(string node, ShareWish wish)
        {
            if (IsAway)
            {
                throw new StoreUnavailableException("away");
            }

            (_table, var share) = _table.Renew(node, wish, time.GetUtcNow());
            return share;
        }

        private sealed class View(Board board, string node) : ISiteBoard
        {
            public int Doors => Nodes;

            public int Nodes => board.Nodes;

            public ValueTask<ConnectionShare> RenewAsync(string provider, ShareWish wish, CancellationToken cancellation)
            {
                try
                {
                    return ValueTask.FromResult(board.Renew(node, wish));
                }
                catch (StoreUnavailableException away)
                {
                    return ValueTask.FromException<ConnectionShare>(away);
                }
            }

            public ValueTask PostAsync(IReadOnlyList<SiteStatus> sites, CancellationToken cancellation) => throw new NotSupportedException();

            public ValueTask<IReadOnlyList<SiteStatus>> ReadPeersAsync(CancellationToken cancellation) => throw new NotSupportedException();
        }
    }
}
