using System.Diagnostics.CodeAnalysis;
using Relay.Mail.Queue;

namespace Relay.Redis.Queue;

/// <summary>
/// Whose turn it is: account after account; within an account gate after gate, so that a thousand domains of one destination
/// have one destination's turn; behind a gate lane after lane, the newest now and then before all others. Guarded by the window's lock.
/// </summary>
/// <remarks>
/// A lane that was refused leaves the order and waits behind its gate, at no cost, with all lanes of its account that were
/// refused there: what holds for one of them holds for all. An opened gate lets in one account's group, and with each unit
/// taken through it one more, so that opening it costs no more than the room that it has. A lane stands in one group, a group
/// with lanes either among its account's open ones or behind its gate, an account in the order if it has an open group.
/// </remarks>
internal sealed class Turns
{
    // Of members alike in size so many are looked at for one that is idle; nearly all that wait behind a gate are.
    private const int LooksForIdle = 4;

    private readonly LinkedList<AccountTurns> _order = [];
    private readonly Dictionary<Gate, GateTurns> _gates = [];
    private readonly LinkedList<GateTurns> _closed = [];

    // By the lanes that wait behind gates.
    private readonly Ranks<AccountTurns> _crowds = new();

    /// <summary>The lane whose turn it is. It goes to the end of each order it stands in.</summary>
    public bool TryNext([NotNullWhen(true)] out LaneTurn? lane)
    {
        lane = null;
        if (_order.First is not { } account)
        {
            return false;
        }

        ToEnd(account);
        var group = account.Value.Open.First!;
        ToEnd(group);
        var next = group.Value.Next();
        if (!next.Value.IsNew)
        {
            ToEnd(next);
        }

        lane = next.Value;
        return true;
    }

    /// <summary>The lane has something to take: it gets its turn, unless it waits behind a gate.</summary>
    public void Enter(LaneTurn lane)
    {
        if (lane.Group is null)
        {
            Join(lane, lane.Account.Free);
            Let(lane.Account.Free);
        }
    }

    /// <summary>The lane has nothing to take any more.</summary>
    public void Leave(LaneTurn lane)
    {
        if (lane.Group is { } group)
        {
            if (group.IsOpen)
            {
                // The way that was opened for it is free for the next.
                LetNext(lane);
            }

            lane.Place.List!.Remove(lane.Place);
            lane.Group = null;
            if (group.Count == 0)
            {
                Dissolve(group);
            }

            Count(group);
        }
    }

    /// <summary>The lane was refused: it and its like wait behind the gate.</summary>
    public void Close(LaneTurn lane, Gate gate)
    {
        if (!_gates.TryGetValue(gate, out var turns))
        {
            _gates[gate] = turns = new GateTurns(gate);
        }

        if (!turns.Groups.TryGetValue(lane.Account, out var group))
        {
            turns.Groups[lane.Account] = group = new LaneGroup(lane.Account, turns);
        }

        if (lane.Group != group)
        {
            Leave(lane);
            Join(lane, group);
        }

        if (group.Place.List != turns.Closed)
        {
            RemoveFromOpen(group);
            turns.Closed.AddLast(group.Place);
        }

        if (turns.Place.List is null)
        {
            _closed.AddLast(turns.Place);
        }

        Count(group);
    }

    /// <summary>A unit was taken: where one found room behind a gate, the next may.</summary>
    public void Taken(LaneTurn lane)
    {
        if (lane is { IsNew: true, Group: { } group })
        {
            lane.IsNew = false;
            group.New.Remove(lane.Place);
            group.Add(lane);
        }

        LetNext(lane);
    }

    /// <summary>Lets in who waits longest behind the gate. False when nobody does.</summary>
    public bool Open(Gate gate) => _gates.TryGetValue(gate, out var turns) && Open(turns);

    /// <summary>Opens the gates that were closed longest. False when none is closed.</summary>
    public bool OpenOldest(int count)
    {
        var opened = false;
        for (; count > 0 && _closed.First is { } oldest; count--)
        {
            ToEnd(oldest);
            opened |= Open(oldest.Value);
        }

        return opened;
    }

    /// <summary>Lets everybody in at once, each to be asked by itself: what was so may hold for none of them any more.</summary>
    public void Scatter(Gate gate, Action<LaneTurn> left)
    {
        if (!_gates.TryGetValue(gate, out var turns))
        {
            return;
        }

        foreach (var lane in turns.Groups.Values.SelectMany(group => group.Lanes.Concat(group.New)).ToList())
        {
            Leave(lane);
            left(lane);
        }
    }

    /// <summary>
    /// The lane that is missed least where not all can be remembered: one that only waits, of the account with most of these, of
    /// the longest group that it has behind one gate the last. So whoever is next behind a gate stays. Null when none is found.
    /// </summary>
    public LaneTurn? Spare()
    {
        LaneTurn? spare = null;
        _crowds.Largest(account => account.Closed.Largest(group => (spare = LastIdle(group)) is not null, LooksForIdle) is not null, LooksForIdle);
        return spare;
    }

    private void LetNext(LaneTurn lane)
    {
        if (lane.Group?.Gate is { Closed.First: { } next } gate)
        {
            Let(next.Value);
            ForgetIfOpen(gate);
        }
    }

    private bool Open(GateTurns gate)
    {
        if (gate.Closed.First is not { } group)
        {
            return false;
        }

        Let(group.Value);
        ForgetIfOpen(gate);
        return true;
    }

    private static void Join(LaneTurn lane, LaneGroup group)
    {
        group.Add(lane);
        lane.Group = group;
    }

    private void Let(LaneGroup group)
    {
        if (group.IsOpen)
        {
            return;
        }

        group.Place.List?.Remove(group.Place);
        group.Account.Open.AddLast(group.Place);
        if (group.Account.Place.List is null)
        {
            _order.AddLast(group.Account.Place);
        }

        Count(group);
    }

    private void Count(LaneGroup group)
    {
        var lanes = group.IsOpen ? 0 : group.Count;
        if (lanes != group.ClosedLanes)
        {
            var account = group.Account;
            account.ClosedLanes += lanes - group.ClosedLanes;
            group.ClosedLanes = lanes;
            account.Closed.Set(group.Size, lanes);
            _crowds.Set(account.Crowd, account.ClosedLanes);
        }
    }

    private static LaneTurn? LastIdle(LaneGroup group)
    {
        var node = group.Lanes.Last ?? group.New.Last;
        for (var look = 0; node is { Value.IsIdle: false } && look < LooksForIdle; look++)
        {
            node = node.Previous;
        }

        return node is { Value.IsIdle: true } ? node.Value : null;
    }

    private void Dissolve(LaneGroup group)
    {
        RemoveFromOpen(group);
        if (group.Gate is { } gate)
        {
            group.Place.List?.Remove(group.Place);
            gate.Groups.Remove(group.Account);
            ForgetIfOpen(gate);
        }
    }

    private static void RemoveFromOpen(LaneGroup group)
    {
        if (group.IsOpen)
        {
            group.Account.Open.Remove(group.Place);
            if (group.Account.Open.Count == 0)
            {
                group.Account.Place.List!.Remove(group.Account.Place);
            }
        }
    }

    private void ForgetIfOpen(GateTurns gate)
    {
        if (gate.Closed.Count == 0)
        {
            gate.Place.List?.Remove(gate.Place);
            if (gate.Groups.Count == 0)
            {
                _gates.Remove(gate.Gate);
            }
        }
    }

    private static void ToEnd<T>(LinkedListNode<T> node)
    {
        var list = node.List!;
        if (node.Next is not null)
        {
            list.Remove(node);
            list.AddLast(node);
        }
    }
}
