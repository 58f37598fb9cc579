using Relay.Mail.Queue;

namespace Relay.Redis.Queue;

/// <summary>Lanes of one account that were refused for the same reason, in the order of their turns.</summary>
internal sealed class LaneGroup
{
    private int _turns;

    public LaneGroup(AccountTurns account, GateTurns? gate)
    {
        Account = account;
        Gate = gate;
        Place = new LinkedListNode<LaneGroup>(this);
        Size = new Rank<LaneGroup>(this);
    }

    public AccountTurns Account { get; }

    /// <summary>Null for the lanes that were not refused.</summary>
    public GateTurns? Gate { get; }

    public LinkedList<LaneTurn> Lanes { get; } = [];

    /// <summary>Lanes that are new, the newest first.</summary>
    public LinkedList<LaneTurn> New { get; } = [];

    public int Count => Lanes.Count + New.Count;

    /// <summary>Among the account's open groups, or behind the gate.</summary>
    public LinkedListNode<LaneGroup> Place { get; }

    public bool IsOpen => Place.List == Account.Open;

    /// <summary>Its lanes while it waits behind its gate, as they were counted last.</summary>
    public int ClosedLanes { get; set; }

    /// <summary>Among its account's groups that wait, by these.</summary>
    public Rank<LaneGroup> Size { get; }

    /// <summary>
    /// Whose turn it is: the newest, one of those that had a turn before, and the longest new one, each every third time. Else a
    /// message to a host that is up would wait behind all that its account has for hosts that are not, which may be thousands.
    /// </summary>
    public LinkedListNode<LaneTurn> Next()
    {
        _turns = (_turns + 1) % 3;
        return (_turns == 1 ? Lanes.First ?? New.First
            : _turns == 2 ? New.First ?? Lanes.First
            : New.Last ?? Lanes.First)!;
    }

    public void Add(LaneTurn lane)
    {
        if (lane.IsNew)
        {
            New.AddFirst(lane.Place);
        }
        else
        {
            Lanes.AddLast(lane.Place);
        }
    }
}

/// <summary>A gate, and who waits behind it.</summary>
internal sealed class GateTurns
{
    public GateTurns(Gate gate)
    {
        Gate = gate;
        Place = new LinkedListNode<GateTurns>(this);
    }

    public Gate Gate { get; }

    /// <summary>The groups of lanes that were refused here, by account, whether they wait now or not.</summary>
    public Dictionary<AccountTurns, LaneGroup> Groups { get; } = [];

    /// <summary>Those that wait, the longest waiting first.</summary>
    public LinkedList<LaneGroup> Closed { get; } = [];

    /// <summary>Among the gates that are closed, by how long they are.</summary>
    public LinkedListNode<GateTurns> Place { get; }
}
