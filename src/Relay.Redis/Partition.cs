using Relay.Redis.Keys;
using Relay.Redis.Queue;
using Relay.Redis.Steps;

namespace Relay.Redis;

/// <summary>One partition as this node sees it. Its fences are changed only by the loops that write its steps.</summary>
internal sealed class Partition(int number, PartitionKeys keys)
{
    private static long _terms;

    private long _liveUntil;
    private long _term;
    private volatile bool _isOwned;
    private volatile bool _isLeaving;
    private volatile bool _isClosed;
    private volatile int _doubts;
    private volatile int _doubtsEnded;

    public int Number { get; } = number;

    public PartitionKeys Keys { get; } = keys;

    /// <summary>This node owns it, as far as it knows.</summary>
    public bool IsOwned => _isOwned;

    /// <summary>It is ours still, but another node is to have it: nothing new begins.</summary>
    public bool IsLeaving => _isLeaving;

    /// <summary>Ours, and to stay: its mail is read and leased here.</summary>
    public bool IsServed => _isOwned && !_isLeaving;

    /// <summary>Which of our turns as its owner this is. Leases of another turn are worth nothing: the partition was another node's in between.</summary>
    public long Term => Volatile.Read(ref _term);

    /// <summary>Up to this timestamp an attempt may begin.</summary>
    public long LiveUntil => _isLeaving || _doubts != _doubtsEnded ? 0 : Volatile.Read(ref _liveUntil);

    /// <summary>
    /// Its lease was not renewed in time, so nothing of it begins. On a cluster its shard may be away for long, and what stands on the
    /// others must not wait for it.
    /// </summary>
    public bool IsAway(long timestamp) => timestamp >= Volatile.Read(ref _liveUntil);

    /// <summary>How often the store's memory was doubted so far.</summary>
    public int Doubts => _doubts;

    /// <summary>Up to this timestamp a begun attempt may send its dot: at least two thirds of the lease's life are left then.</summary>
    public long DotUntil => _isClosed ? 0 : Volatile.Read(ref _liveUntil);

    public LaneLook Look { get; } = new();

    public Fence Settled { get; set; }

    /// <summary>The store was seen at an earlier step than it had answered, and what it gave back is still to be found.</summary>
    public bool HasGoneBack { get; set; }

    /// <summary>
    /// The step at which the store was seen when what it gave back was found, and how many steps of ours it had done until then: one
    /// that goes back to the same step again, behind another of ours, has given back anew. Null once it is past all that we know.
    /// </summary>
    public (Fence Step, int Done)? GoneBackTo { get; set; }

    /// <summary>How many settling steps were done in this process.</summary>
    public int StepsDone { get; set; }

    public Fence Projected { get; set; }

    /// <summary>What was settled last, where the store may forget it.</summary>
    public RecentOutcomes Recent { get; } = new();

    /// <summary>Attempts that have begun and not ended.</summary>
    public AttemptsUnderWay Attempts { get; } = new();

    /// <summary>Units that may be at a remote.</summary>
    public KnownDots Dots { get; } = new();

    /// <summary>It is ours from now on, and nothing of it is known yet.</summary>
    public void Take(Fence settled, Fence projected)
    {
        Settled = settled;
        Projected = projected;
        HasGoneBack = false;
        GoneBackTo = null;
        Volatile.Write(ref _term, Interlocked.Increment(ref _terms));
        _isLeaving = false;
        _isClosed = false;
        _isOwned = true;
        Look.FromTheStart();
    }

    public void Renew(long liveUntil) => Volatile.Write(ref _liveUntil, liveUntil);

    /// <summary>The store may not be what it was: nothing begins until it was looked at.</summary>
    public void Doubt() => Interlocked.Increment(ref _doubts);

    /// <summary>It was looked at behind so many doubts. False when there was nothing to doubt.</summary>
    public bool EndDoubts(int doubts)
    {
        var had = _doubtsEnded != doubts;
        _doubtsEnded = doubts;
        return had;
    }

    public void Leave() => _isLeaving = true;

    /// <summary>No dot is sent here any more.</summary>
    public void CloseDots() => _isClosed = true;

    public void Lose()
    {
        _isOwned = false;
        _isLeaving = false;
        CloseDots();
        Dots.Clear();
    }
}
