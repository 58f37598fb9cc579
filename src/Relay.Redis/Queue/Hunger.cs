using System.Diagnostics.CodeAnalysis;

namespace Relay.Redis.Queue;

/// <summary>
/// Which parts of lanes are to be read from the store: now, or when their next unit is due; and which have gone quiet, so that
/// the store's own lower bound can stand for them. Guarded by the window's lock.
/// </summary>
/// <remarks>
/// Every unit in the store is held here, or its share says that there is more from a time before it is due, or the lane has no
/// share and stands in the partition's <c>lanes</c> with such a time. A share that has more stands in
/// <c>now</c>, in <c>later</c>, is being read, or waits for its lane to want more, which asks.
/// </remarks>
internal sealed class Hunger
{
    // Times beyond so many are looked through for those of shares that are gone, and again when there are twice as many.
    private const int FewTimes = 4_096;

    // A lock is not held for longer than these take, however many are due in the same moment.
    private const int DueAtOnce = 1_024;

    private readonly ReadTurns _now = new();
    private readonly PriorityQueue<LaneShare, long> _later = new();
    private readonly HashSet<LaneShare> _quiet = [];
    private int _lookThroughAt = FewTimes;
    private TaskCompletionSource? _signal;

    /// <summary>Ends when a lane should be read.</summary>
    public Task Signal => !_now.IsEmpty ? Task.CompletedTask : (_signal ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    /// <summary>Times at which shares are to be looked at.</summary>
    public int Times => _later.Count;

    /// <summary>When the next share is to be looked at; <see cref="LaneShare.Nothing"/> when none is.</summary>
    public long NextDue => _later.TryPeek(out _, out var due) ? due : LaneShare.Nothing;

    public void ReadNow(LaneShare share)
    {
        if (!share.IsQueued)
        {
            share.IsQueued = true;
            share.Turn.Reads++;
            _now.Add(share);
            Wake();
        }
    }

    public void LookAt(LaneShare share, long due)
    {
        var isFirst = due < NextDue;
        if (_later.Count >= _lookThroughAt)
        {
            ForgetGone();
        }

        _later.Enqueue(share, due);
        if (isFirst)
        {
            Wake();
        }
    }

    /// <summary>The shares whose time has come, a part of them when they are many.</summary>
    public IEnumerable<LaneShare> TakeDue(long now)
    {
        for (var i = 0; i < DueAtOnce && _later.TryPeek(out var share, out var due) && due <= now; i++)
        {
            _later.Dequeue();
            yield return share;
        }
    }

    /// <summary>A share to read now, if it still is one. The caller ends what <see cref="ReadNow"/> began.</summary>
    public bool TryTake([NotNullWhen(true)] out LaneShare? share)
    {
        if (!_now.TryTake(out share))
        {
            return false;
        }

        share.IsQueued = false;
        return true;
    }

    public void NoteQuiet(LaneShare share, long now)
    {
        if (share.IsQuiet(now))
        {
            _quiet.Add(share);
        }
    }

    public IReadOnlyList<LaneShare> TakeQuiet(int limit, long now)
    {
        var taken = _quiet.Take(limit).ToList();
        _quiet.ExceptWith(taken);
        return [.. taken.Where(share => share.IsQuiet(now))];
    }

    public void Wake()
    {
        _signal?.SetResult();
        _signal = null;
    }

    // A share leaves long before its time comes when its lane goes quiet, and what waits until then is not bounded.
    private void ForgetGone()
    {
        var shares = _later.UnorderedItems.Select(item => item.Element).Where(share => share.IsCurrent).ToHashSet();
        _later.Clear();
        foreach (var share in shares.Where(share => share.NextInStore != LaneShare.Nothing))
        {
            _later.Enqueue(share, Math.Max(share.NextInStore, share.NotBefore));
        }

        _lookThroughAt = Math.Max(FewTimes, _later.Count * 2);
    }
}
