using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis.Queue;

namespace Relay.Tests.Redis.Queue;

/// <summary>Whose turn it is, and what waits behind gates.</summary>
public sealed class TurnsTests
{
    private readonly Turns _turns = new();
    private readonly Dictionary<string, AccountTurns> _accounts = [];

    [Fact]
    public void Accounts_take_turns_however_many_lanes_they_have()
    {
        for (var i = 0; i < 5_000; i++)
        {
            _turns.Enter(Lane("big", $"d{i}"));
        }

        var small = Lane("small", "x");
        _turns.Enter(small);

        Assert.Contains(small, Next(2));
    }

    [Fact]
    public void A_refused_lane_gets_no_turn_until_its_gate_opens()
    {
        var gate = new Gate();
        var (refused, other) = (Lane("acme", "a"), Lane("acme", "b"));
        _turns.Enter(refused);
        _turns.Enter(other);

        _turns.Close(refused, gate);
        Assert.All(Next(3), lane => Assert.Equal(other, lane));
        Assert.True(refused.IsHeldBack);

        Assert.True(_turns.Open(gate));
        Assert.Contains(refused, Next(2));
    }

    [Fact]
    public void An_opened_gate_lets_in_one_account_and_another_for_each_unit_taken()
    {
        var gate = new Gate();
        var lanes = Enumerable.Range(0, 1_000).Select(i => Lane($"account{i}", "x")).ToList();
        lanes.ForEach(_turns.Enter);
        lanes.ForEach(lane => _turns.Close(lane, gate));

        _turns.Open(gate);
        Assert.Equal(1, lanes.Count(l => !l.IsHeldBack));

        _turns.Taken(Next(1)[0]);
        Assert.Equal(2, lanes.Count(l => !l.IsHeldBack));
    }

    [Fact]
    public void What_is_refused_again_waits_at_the_end()
    {
        var gate = new Gate();
        var (first, second) = (Lane("acme", "a"), Lane("acme", "b"));
        _turns.Enter(first);
        _turns.Enter(second);
        _turns.Close(first, gate);
        _turns.Close(second, gate);

        _turns.Open(gate);
        Assert.Equal([first], Next(1));
        _turns.Close(first, gate);
        Assert.False(_turns.TryNext(out _));

        _turns.Open(gate);
        Assert.Equal([second], Next(1));
    }

    [Fact]
    public void A_lane_that_leaves_its_place_behind_an_open_gate_lets_the_next_account_in()
    {
        var gate = new Gate();
        var (first, second) = (Lane("one", "x"), Lane("two", "x"));
        _turns.Enter(first);
        _turns.Enter(second);
        _turns.Close(first, gate);
        _turns.Close(second, gate);
        _turns.Open(gate);

        _turns.Leave(first);

        Assert.Equal([second], Next(1));
    }

    [Fact]
    public void Gates_that_nobody_opens_are_tried_by_how_long_they_are_closed()
    {
        var lanes = Enumerable.Range(0, 3).Select(i => Lane("acme", $"d{i}")).ToList();
        lanes.ForEach(_turns.Enter);
        lanes.ForEach(lane => _turns.Close(lane, new Gate()));

        Assert.True(_turns.OpenOldest(2));

        Assert.Equal([false, false, true], lanes.Select(l => l.IsHeldBack));
    }

    [Fact]
    public void Nothing_is_left_of_a_gate_with_its_last_lane()
    {
        var gate = new Gate();
        var lane = Lane("acme", "a");
        _turns.Enter(lane);
        _turns.Close(lane, gate);

        _turns.Leave(lane);

        Assert.False(_turns.Open(gate));
        Assert.False(_turns.OpenOldest(1));
        Assert.False(_turns.TryNext(out _));
    }

    [Fact]
    public void The_largest_is_found_by_the_power_of_its_size_and_each_in_its_turn()
    {
        var lanes = Enumerable.Range(0, 4).Select(i => Lane("acme", $"d{i}")).ToList();
        var ranks = new Ranks<LaneTurn>();
        foreach (var (lane, size) in lanes.Zip([3, 70, 100, 0]))
        {
            ranks.Set(lane.Length, size);
        }

        Assert.Equal([lanes[1], lanes[2], lanes[1]], Enumerable.Range(0, 3).Select(_ => ranks.Largest()));

        ranks.Set(lanes[1].Length, 0);
        ranks.Set(lanes[2].Length, 0);
        Assert.Equal(lanes[0], ranks.Largest());
        ranks.Set(lanes[0].Length, 0);
        Assert.Null(ranks.Largest());
    }

    private List<LaneTurn> Next(int count)
    {
        var lanes = new List<LaneTurn>();
        for (var i = 0; i < count; i++)
        {
            Assert.True(_turns.TryNext(out var lane));
            lanes.Add(lane);
        }

        return lanes;
    }

    private LaneTurn Lane(string account, string domain)
    {
        if (!_accounts.TryGetValue(account, out var turns))
        {
            _accounts[account] = turns = new AccountTurns(account);
        }

        return new LaneTurn(new Lane($"{domain}.test", account, MessageClass.Transactional), turns);
    }
}
