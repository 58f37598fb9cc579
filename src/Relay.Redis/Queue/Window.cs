using Microsoft.Extensions.Options;
using Relay.Mail.Messages;
using Relay.Mail.Queue;

namespace Relay.Redis.Queue;

/// <summary>
/// What of the queue is held in memory: units that are due, handed over by accepts or read back lane by lane, and the
/// units in flight. Bounded, whatever waits in the store: what does not fit is left there and remembered only as the
/// earliest time of its lane.
/// </summary>
/// <remarks>
/// A unit is leased once because it is known here from before it can be seen in the store until after it is gone from it:
/// <see cref="BeginAccept"/> comes before the write, and a settled unit is forgotten only when no refill is running that
/// may have seen it.
/// </remarks>
internal sealed partial class Window(IOptions<StoreOptions> options, TimeProvider time)
{
    // A lane is read again when it has fewer than this many units in hand, so that a connection never waits for a read.
    private const int LowWater = 32;

    private readonly Lock _lock = new();
    private readonly Dictionary<UnitId, HeldUnit> _held = [];
    private readonly Dictionary<Lane, LaneTurn> _lanes = [];
    private readonly LinkedList<LaneTurn> _turns = [];
    private readonly Dictionary<string, (int Units, long Octets)> _accounts = [];
    private readonly int _maxUnits = options.Value.Queue.WindowUnits;
    private readonly long _maxOctets = options.Value.Queue.WindowBytes;
    private readonly double _accountShare = options.Value.Queue.AccountShare;
    private int _waitingUnits;
    private long _waitingOctets;
    private TaskCompletionSource? _changed;

    /// <summary>Ends when there may be something to lease that was not there before.</summary>
    public Task Changed
    {
        get
        {
            lock (_lock)
            {
                return (_changed ??= NewSignal()).Task;
            }
        }
    }

    /// <summary>Units known in memory, and how many of them wait with their content.</summary>
    public (int Held, int Waiting) Size
    {
        get
        {
            lock (_lock)
            {
                return (_held.Count, _waitingUnits);
            }
        }
    }

    /// <summary>Makes a message's units known before they are written.</summary>
    public void BeginAccept(Partition partition, IReadOnlyList<Unit> units, long due)
    {
        if (!partition.IsOwned)
        {
            return;
        }

        lock (_lock)
        {
            foreach (var unit in units)
            {
                var share = ShareHoldingLock(partition, unit.Lane);
                HoldHoldingLock(new HeldUnit(unit.Id, share, due) { Phase = HeldPhase.Accepting });
            }
        }
    }

    /// <summary>The units are durable: hands them over, or leaves them in the store for later.</summary>
    public void EndAccept(Message message, IReadOnlyList<Unit> units)
    {
        lock (_lock)
        {
            var now = Now;
            foreach (var unit in units)
            {
                if (!_held.TryGetValue(unit.Id, out var held) || held.Phase != HeldPhase.Accepting)
                {
                    continue;
                }

                if (held.Due <= now && TrySuspendHoldingLock(held))
                {
                    continue;
                }

                if (held.Due <= now && HasRoomHoldingLock(held.Share.Turn, OctetsOf(message)))
                {
                    held.Lease = new Lease { Unit = unit, Message = message };
                    WaitHoldingLock(held);
                }
                else
                {
                    ForgetHoldingLock(held);
                    LeaveInStoreHoldingLock(held.Share, held.Due);
                }
            }

            SignalHoldingLock();
        }
    }

    /// <summary>The units were not written.</summary>
    public void AbandonAccept(IReadOnlyList<Unit> units)
    {
        lock (_lock)
        {
            foreach (var unit in units)
            {
                if (_held.TryGetValue(unit.Id, out var held) && held.Phase == HeldPhase.Accepting)
                {
                    GoHoldingLock(held);
                }
            }
        }
    }

    /// <summary>Leases what waits, turn by turn over the lanes; empty when nothing that waits is wanted.</summary>
    public IReadOnlyList<Lease> Take(LeaseDemand demand)
    {
        lock (_lock)
        {
            List<Lease>? leases = null;
            var octets = 0L;
            var timestamp = time.GetTimestamp();

            // A lane that had its turn goes to the end; once all were passed over in a row, nothing is left.
            var passed = 0;
            while (passed < _turns.Count && (leases?.Count ?? 0) < demand.MaxUnits && octets < demand.MaxBytes)
            {
                var node = _turns.First!;
                var turn = node.Value;
                _turns.RemoveFirst();
                _turns.AddLast(node);
                if (!demand.Wants(turn.Lane) || TakeHoldingLock(turn, timestamp) is not { } held)
                {
                    passed++;
                    continue;
                }

                passed = 0;
                octets += held.Octets;
                (leases ??= []).Add(held.Lease!);
            }

            return leases ?? (IReadOnlyList<Lease>)[];
        }
    }

    public void Release(Lease lease)
    {
        lock (_lock)
        {
            if (_held.TryGetValue(lease.Id, out var held) && held.Phase == HeldPhase.Leased)
            {
                held.IsPastDot = false;
                if (!held.Share.Partition.IsOwned)
                {
                    ForgetHoldingLock(held);
                }
                else if (held.IsAwaited)
                {
                    MarkAwaitedHoldingLock(held, false);
                    held.Phase = HeldPhase.Claimed;
                    held.Lease = null;
                }
                else if (!TrySuspendHoldingLock(held))
                {
                    WaitHoldingLock(held);
                }

                SignalHoldingLock();
            }
        }
    }

    /// <summary>A lease ended durably; with a due time the unit goes on waiting in the store.</summary>
    public void Settled(UnitId id, long? due)
    {
        lock (_lock)
        {
            if (!_held.TryGetValue(id, out var held))
            {
                return;
            }

            GoHoldingLock(held);
            if (due is { } next)
            {
                LeaveInStoreHoldingLock(held.Share, next);
            }
        }
    }

    /// <summary>The partition is not ours any more: what waits is given up, what is leased ends by itself.</summary>
    public void Drop(Partition partition)
    {
        lock (_lock)
        {
            foreach (var turn in _lanes.Values.ToList())
            {
                if (!turn.Shares.Remove(partition.Number, out var share))
                {
                    continue;
                }

                foreach (var held in turn.RemoveWhere(u => u.Share == share))
                {
                    UncountHoldingLock(held);
                }

                RemoveIfEmptyHoldingLock(turn);
            }

            foreach (var held in _held.Values.Where(h => h.Share.Partition == partition && h.Phase != HeldPhase.Leased).ToList())
            {
                _held.Remove(held.Id);
            }
        }
    }

    /// <summary>Wakes those who wait for something to lease: the partition's lease is fresh, or a unit arrived.</summary>
    public void Signal()
    {
        lock (_lock)
        {
            SignalHoldingLock();
        }
    }

    private HeldUnit? TakeHoldingLock(LaneTurn turn, long timestamp)
    {
        var held = turn.Take();
        if (timestamp >= held.Share.Partition.LiveUntil)
        {
            // Another node may own it by now. It is back as soon as the lease is renewed.
            turn.Add(held);
            return null;
        }

        UncountHoldingLock(held);
        held.Phase = HeldPhase.Leased;
        if (turn.Waiting == 0)
        {
            _turns.Remove(turn.Node!);
            turn.Node = null;
        }

        if (turn.Waiting < LowWater)
        {
            AskForMoreHoldingLock(turn);
        }

        return held;
    }

    private void WaitHoldingLock(HeldUnit held)
    {
        held.Phase = HeldPhase.Waiting;
        held.Octets = OctetsOf(held.Lease!.Message);
        var turn = held.Share.Turn;
        turn.Add(held);
        turn.Node ??= _turns.AddLast(turn);
        _waitingUnits++;
        _waitingOctets += held.Octets;
        CountAccountHoldingLock(turn.Lane.Account, 1, held.Octets);
    }

    private void UncountHoldingLock(HeldUnit held)
    {
        _waitingUnits--;
        _waitingOctets -= held.Octets;
        CountAccountHoldingLock(held.Share.Turn.Lane.Account, -1, -held.Octets);
    }

    private void CountAccountHoldingLock(string account, int units, long octets)
    {
        var (hadUnits, hadOctets) = _accounts.GetValueOrDefault(account);
        if (hadUnits + units == 0)
        {
            _accounts.Remove(account);
        }
        else
        {
            _accounts[account] = (hadUnits + units, hadOctets + octets);
        }
    }

    // A lane with nothing in hand gets in at the cost of the longest: it would wait behind strangers otherwise.
    private bool HasRoomHoldingLock(LaneTurn turn, int octets) =>
        IsFullHoldingLock(octets)
            ? turn.Waiting == 0 && TryShortenLongestHoldingLock()
            : turn.Waiting == 0 || IsWithinShareHoldingLock(turn.Lane.Account, octets);

    private bool IsFullHoldingLock(int octets) => _waitingUnits >= _maxUnits || _waitingOctets + octets > _maxOctets;

    private bool IsWithinShareHoldingLock(string account, int octets)
    {
        var (accountUnits, accountOctets) = _accounts.GetValueOrDefault(account);
        return accountUnits < _maxUnits * _accountShare && accountOctets + octets <= _maxOctets * _accountShare;
    }

    private bool TryShortenLongestHoldingLock()
    {
        var longest = _turns.MaxBy(t => t.Waiting);
        if (longest is null || longest.Waiting < 2)
        {
            return false;
        }

        var keep = longest.Waiting / 2;
        var place = 0;
        foreach (var held in longest.RemoveWhere(_ => place++ >= keep))
        {
            UncountHoldingLock(held);
            ForgetHoldingLock(held);
            LeaveInStoreHoldingLock(held.Share, held.Due);
        }

        return true;
    }

    private void HoldHoldingLock(HeldUnit held)
    {
        _held[held.Id] = held;
        held.Share.Held++;
    }

    private void ForgetHoldingLock(HeldUnit held)
    {
        if (_held.Remove(held.Id))
        {
            MarkAwaitedHoldingLock(held, false);
            held.Share.Held--;
            NoteIdleHoldingLock(held.Share);
        }
    }

    private static int OctetsOf(Message message) => message.Content.Prologue.Length + message.Content.Head.Length;

    private LaneShare ShareHoldingLock(Partition partition, Lane lane)
    {
        if (!_lanes.TryGetValue(lane, out var turn))
        {
            _lanes[lane] = turn = new LaneTurn(lane);
        }

        if (!turn.Shares.TryGetValue(partition.Number, out var share))
        {
            turn.Shares[partition.Number] = share = new LaneShare(partition, turn);
        }

        return share;
    }

    private void RemoveIfEmptyHoldingLock(LaneTurn turn)
    {
        if (turn.Waiting == 0 && turn.Node is { } node)
        {
            _turns.Remove(node);
            turn.Node = null;
        }

        if (turn.Shares.Count == 0)
        {
            _lanes.Remove(turn.Lane);
        }
    }

    private void SignalHoldingLock()
    {
        _changed?.SetResult();
        _changed = null;
    }

    private long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
