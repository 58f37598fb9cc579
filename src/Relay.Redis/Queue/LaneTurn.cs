using Relay.Mail.Messages;
using Relay.Mail.Queue;

namespace Relay.Redis.Queue;

/// <summary>A lane's units in hand, in order, over all partitions: an account's lane gets one turn, not one a partition.</summary>
internal sealed class LaneTurn
{
    // Most lanes have one unit or none in hand, and stand in one partition.
    private const int Few = 1;

    private readonly List<LaneShare> _shares = new(Few);
    private PriorityQueue<HeldUnit, (long Due, MessageId Message, int Number)>? _waiting;

    public LaneTurn(Lane lane, AccountTurns account)
    {
        Lane = lane;
        Account = account;
        Place = new LinkedListNode<LaneTurn>(this);
        Length = new Rank<LaneTurn>(this);
    }

    public Lane Lane { get; }

    public AccountTurns Account { get; }

    public IReadOnlyList<LaneShare> Shares => _shares;

    public int Waiting => _waiting?.Count ?? 0;

    /// <summary>Shares that are queued to be read, or being read.</summary>
    public int Reads { get; set; }

    /// <summary>Its mail leaves: the last of its units that was settled had come to its end.</summary>
    public bool Flows { get; set; }

    /// <summary>It was not known when mail came for it, and nothing of it was taken since: whether that leaves is still to be seen.</summary>
    public bool IsNew { get; set; }

    /// <summary>It was found where most lanes only wait, and was neither read nor asked yet.</summary>
    public bool IsStranger { get; set; }

    /// <summary>The asking that let it in when it had nothing in hand: what is read for it has had its turn. Null when there is none.</summary>
    public LeaseDemand? LetInBy { get; set; }

    /// <summary>With whom it waits for its turn; null when it has nothing to wait for.</summary>
    public LaneGroup? Group { get; set; }

    /// <summary>In its group.</summary>
    public LinkedListNode<LaneTurn> Place { get; }

    /// <summary>Among its account's lanes, by what waits of each.</summary>
    public Rank<LaneTurn> Length { get; }

    /// <summary>It waits behind something, so it gets no turn and needs no more units.</summary>
    public bool IsHeldBack => Group is { IsOpen: false };

    /// <summary>All that is known of it waits for a gate, and nothing of it is under way: it can be sent away and found again.</summary>
    public bool IsIdle => IsHeldBack && Reads == 0 && _shares.Sum(share => share.Held) == Waiting;

    public HeldUnit Peek() => _waiting!.Peek();

    public void Add(HeldUnit unit) => (_waiting ??= new(Few)).Enqueue(unit, (unit.Due, unit.Id.Message, unit.Id.Number));

    public HeldUnit Take() => _waiting!.Dequeue();

    /// <summary>Takes out all that wait but for the first so many.</summary>
    public List<HeldUnit> TakeAllBut(int keep)
    {
        var place = 0;
        return TakeWhere(_ => place++ >= keep);
    }

    /// <summary>Takes out all that wait and pass; the rest stays in order.</summary>
    public List<HeldUnit> TakeWhere(Func<HeldUnit, bool> goes)
    {
        if (_waiting is not { } waiting)
        {
            return [];
        }

        var taken = new List<HeldUnit>();
        var kept = new List<HeldUnit>();
        while (waiting.TryDequeue(out var unit, out _))
        {
            (goes(unit) ? taken : kept).Add(unit);
        }

        // A lane that has given back all it had may wait like that for long.
        _waiting = null;
        foreach (var unit in kept)
        {
            Add(unit);
        }

        return taken;
    }

    public LaneShare? ShareIn(Partition partition)
    {
        foreach (var share in _shares)
        {
            if (share.Partition == partition)
            {
                return share;
            }
        }

        return null;
    }

    /// <summary>The share whose units wait longest goes first; another only when that was not enough. Null when none has anything to read.</summary>
    public LaneShare? FirstToRead(long now)
    {
        LaneShare? first = null;
        foreach (var share in _shares)
        {
            if (share.IsToBeRead(now) && (first is null || share.NextInStore < first.NextInStore))
            {
                first = share;
            }
        }

        return first;
    }

    public void Add(LaneShare share) => _shares.Add(share);

    public bool Remove(LaneShare share) => _shares.Remove(share);
}
