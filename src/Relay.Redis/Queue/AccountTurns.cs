namespace Relay.Redis.Queue;

/// <summary>One account's lanes: those that may have their turn, group by group, and how much of the window they fill.</summary>
internal sealed class AccountTurns
{
    public AccountTurns(string name)
    {
        Name = name;
        Place = new LinkedListNode<AccountTurns>(this);
        Fill = new Rank<AccountTurns>(this);
        Crowd = new Rank<AccountTurns>(this);
        Free = new LaneGroup(this, null);
    }

    public string Name { get; }

    /// <summary>Lanes known of it.</summary>
    public int Lanes { get; set; }

    /// <summary>The lanes that wait behind nothing, as far as is known.</summary>
    public LaneGroup Free { get; }

    /// <summary>Groups whose lanes may have their turn.</summary>
    public LinkedList<LaneGroup> Open { get; } = [];

    /// <summary>Groups that wait behind their gates, by the number of their lanes; and how many lanes these are together.</summary>
    public Ranks<LaneGroup> Closed { get; } = new();
    public int ClosedLanes { get; set; }

    /// <summary>Among the accounts, by the lanes that wait behind gates.</summary>
    public Rank<AccountTurns> Crowd { get; }

    /// <summary>In the order of accounts, while it has an open group.</summary>
    public LinkedListNode<AccountTurns> Place { get; }

    /// <summary>Shares to be read, of lanes that flow and of others.</summary>
    public Queue<LaneShare> Flowing { get; } = new();
    public Queue<LaneShare> Others { get; } = new();
    public int Reads { get; set; }

    public int WaitingUnits { get; set; }
    public long WaitingOctets { get; set; }
    public Ranks<LaneTurn> ByLength { get; } = new();

    /// <summary>Among the accounts, by the units that wait.</summary>
    public Rank<AccountTurns> Fill { get; }
}
