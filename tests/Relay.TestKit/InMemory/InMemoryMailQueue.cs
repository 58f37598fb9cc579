using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Queue;

namespace Relay.TestKit.InMemory;

/// <summary>
/// The queue in memory, with the semantics of the real one: all units or none, due times by the clock given, each unit
/// leased once, turn by turn over the lanes. It passes the same contract suite.
/// </summary>
public sealed partial class InMemoryMailQueue : IMailQueue, IQueueReader, IQueueAdministration
{

    // Room may come back without our hearing of it.
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(1);

    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private readonly Dictionary<MessageId, (Message Message, HashSet<int> Open)> _messages = [];
    private readonly Dictionary<UnitId, Waiting> _units = [];
    private readonly Dictionary<Lane, InMemoryLane> _lanes = [];
    private readonly Dictionary<(string Account, string Key), (MessageId First, string Fingerprint, DateTimeOffset Until)> _idempotency = [];
    private readonly List<Message> _accepted = [];
    private readonly List<Settlement> _settlements = [];
    private readonly List<(UnitId Unit, string Host)> _dots = [];
    private TaskCompletionSource _changed = NewSignal();
    private long _turn;
    private int _firstLooks;

    public InMemoryMailQueue(TimeProvider time)
    {
        _time = time;
        Suspensions = new InMemorySuspensions(time);
        Suspensions.Changed += () =>
        {
            var suspended = Suspensions.Current;
            Desk?.GiveBack(lease => suspended.Find(lease.Unit.Lane, lease.Id.Message) is not null);
            Signal();
        };
    }

    /// <summary>Events as soon as the step that causes them is done.</summary>
    public InMemoryActivity Activity { get; } = new();

    /// <summary>While set, every enqueue is answered with it: <see cref="EnqueueResult.StoreFull"/>, <see cref="EnqueueResult.StoreUnavailable"/>.</summary>
    public EnqueueResult? Refusal { get; set; }

    /// <summary>While set, settling waits for it: a store that is away.</summary>
    public Task? SettleGate { get; set; }

    /// <summary>While set, nothing is leased and no attempt may begin or go past its dot: another node owns everything.</summary>
    public bool IsReplaced
    {
        get;
        set
        {
            field = value;
            Signal();
        }
    }

    /// <summary>So many transactions from now on may not go past their dot.</summary>
    public int DotsToRefuse { get; set; }

    /// <summary>Runs before each question whether a transaction may go past its dot.</summary>
    public Action? BeforeDot { get; set; }

    /// <summary>Where units may be by now, in the order in which it was noted.</summary>
    public IReadOnlyList<(UnitId Unit, string Host)> Dots => Copy(_dots);

    /// <summary>Messages accepted so far, reports included, in order.</summary>
    public IReadOnlyList<Message> Accepted => Copy(_accepted);

    /// <summary>Settlements done so far, in order.</summary>
    public IReadOnlyList<Settlement> Settlements => Copy(_settlements);

    /// <summary>Messages that still have a unit open.</summary>
    public int Messages
    {
        get
        {
            lock (_lock)
            {
                return _messages.Count;
            }
        }
    }

    public ValueTask<EnqueueResult> EnqueueAsync(Message message, IdempotencyKey? idempotency, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        if (Refusal is { } refusal)
        {
            return ValueTask.FromResult(refusal);
        }

        lock (_lock)
        {
            if (idempotency is not null)
            {
                if (FirstHoldingLock(message.Account, idempotency) is { } first)
                {
                    return ValueTask.FromResult<EnqueueResult>(first);
                }

                _idempotency[(message.Account, idempotency.Key)] = (message.Id, idempotency.Fingerprint, _time.GetUtcNow() + idempotency.Kept);
            }

            AcceptHoldingLock(message);
        }

        Signal();
        return ValueTask.FromResult<EnqueueResult>(EnqueueResult.Accepted.Instance);
    }

    /// <summary>How often it was asked about a key alone.</summary>
    public int FirstLooks => Volatile.Read(ref _firstLooks);

    public ValueTask<EnqueueResult.Duplicate?> FindFirstAsync(string account, IdempotencyKey idempotency, CancellationToken cancellation)
    {
        Interlocked.Increment(ref _firstLooks);
        lock (_lock)
        {
            return ValueTask.FromResult(FirstHoldingLock(account, idempotency));
        }
    }

    private EnqueueResult.Duplicate? FirstHoldingLock(string account, IdempotencyKey idempotency) =>
        _idempotency.TryGetValue((account, idempotency.Key), out var first) && first.Until > _time.GetUtcNow()
            ? new EnqueueResult.Duplicate(first.First, first.Fingerprint)
            : null;

    public int ChooseSlot() => Random.Shared.Next(MessageId.Slots);

    public async ValueTask<IReadOnlyList<Lease>> LeaseDueAsync(LeaseDemand demand, CancellationToken cancellation)
    {
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();

            Task changed;
            TimeSpan wait;
            var looked = _time.GetUtcNow();
            lock (_lock)
            {
                var leases = TakeHoldingLock(demand);
                if (leases.Count > 0)
                {
                    return leases;
                }

                changed = _changed.Task;
                wait = UntilNextDueHoldingLock();
            }

            using var due = new CancellationTokenSource(wait, _time);
            if (_time != TimeProvider.System && _time.GetUtcNow() != looked)
            {
                // A clock that was moved by hand meanwhile would wake us too late, or not at all.
                continue;
            }

            using var either = CancellationTokenSource.CreateLinkedTokenSource(due.Token, cancellation);
            await changed.WaitAsync(either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public async ValueTask SettleAsync(Settlement settlement, CancellationToken cancellation)
    {
        if (SettleGate is { } gate)
        {
            await gate.WaitAsync(cancellation);
        }

        cancellation.ThrowIfCancellationRequested();
        lock (_lock)
        {
            SettleHoldingLock(settlement);
            _settlements.Add(settlement);
            WorkHoldingLock();
        }

        Signal();
    }

    public bool TryBegin(Lease lease)
    {
        lock (_lock)
        {
            return !IsReplaced && Suspensions.Current.Find(lease.Unit.Lane, lease.Id.Message) is null && !IsAskedHoldingLock(lease);
        }
    }

    public ValueTask<bool> TryBeginDotAsync(Lease lease, string host, CancellationToken cancellation)
    {
        BeforeDot?.Invoke();
        lock (_lock)
        {
            if (IsReplaced || DotsToRefuse > 0)
            {
                DotsToRefuse = Math.Max(0, DotsToRefuse - 1);
                return ValueTask.FromResult(false);
            }

            _dots.Add((lease.Id, host));
            if (_units.TryGetValue(lease.Id, out var waiting))
            {
                waiting.IsPastDot = true;
            }

            return ValueTask.FromResult(true);
        }
    }

    // Every lane is asked about at each look here, so there is nothing to open.
    public void Open(Gate gate) => Signal();

    public void Release(Lease lease)
    {
        lock (_lock)
        {
            if (_units.TryGetValue(lease.Id, out var waiting) && waiting.Leased)
            {
                waiting.Leased = false;
                waiting.IsPastDot = false;
                LaneHoldingLock(lease.Unit.Lane).Add(waiting);
                WorkHoldingLock();
            }
        }

        Signal();
    }

    /// <summary>Waits until so many settlements were done in all.</summary>
    public async Task<IReadOnlyList<Settlement>> WaitForSettlementsAsync(int count, CancellationToken cancellation)
    {
        while (true)
        {
            Task changed;
            lock (_lock)
            {
                if (_settlements.Count >= count)
                {
                    return [.. _settlements];
                }

                changed = _changed.Task;
            }

            await changed.WaitAsync(cancellation);
        }
    }

    public ValueTask<QueueDepth> MeasureAsync(CancellationToken cancellation)
    {
        lock (_lock)
        {
            return ValueTask.FromResult(new QueueDepth(_units.Count, _units.Count == 0 ? null : _units.Values.Min(w => w.Due)));
        }
    }

    public ValueTask<QueueOverview> LookAsync(string? account, int limit, CancellationToken cancellation)
    {
        lock (_lock)
        {
            var waiting = _units.Values.Where(w => account is null || w.Unit.Lane.Account == account).ToList();
            IReadOnlyList<LaneDepth> lanes =
            [
                .. waiting
                    .GroupBy(w => w.Unit.Lane, (lane, units) => (Lane: lane, Units: units.ToList()))
                    .Select(l => new LaneDepth(l.Lane, l.Units.Count, l.Units.Min(w => w.Due)))
                    .OrderByDescending(l => l.Units)
                    .Take(limit),
            ];
            return ValueTask.FromResult(new QueueOverview(new QueueDepth(waiting.Count, waiting.Count == 0 ? null : waiting.Min(w => w.Due)), lanes));
        }
    }

    /// <summary>An attempt of the unit went past its dot and nobody heard how it ended.</summary>
    public void Lose(UnitId unit, UnheardAttempt attempt)
    {
        lock (_lock)
        {
            _units[unit].Unheard = attempt;
        }
    }

    private void AcceptHoldingLock(Message message)
    {
        var units = Unit.Of(message);
        _accepted.Add(message);
        _messages[message.Id] = (message, [.. units.Select(u => u.Id.Number)]);
        foreach (var unit in units)
        {
            var waiting = new Waiting(unit, message) { Due = message.DueAt };
            _units[unit.Id] = waiting;
            LaneHoldingLock(unit.Lane).Add(waiting);
        }

        Activity.Add(MessageSummary.AcceptedEvent(message));
        if (MessageSummary.ScheduledEvent(message) is { } scheduled)
        {
            Activity.Add(scheduled);
        }
    }

    private List<Lease> TakeHoldingLock(LeaseDemand demand)
    {
        var leases = new List<Lease>();
        var bytes = 0L;
        var now = _time.GetUtcNow();

        // A lane that had its turn goes to the end; when none has anything due and wanted any more, we are done.
        for (var took = true; took;)
        {
            took = false;
            foreach (var lane in OrderHoldingLock())
            {
                if (IsReplaced || leases.Count >= demand.MaxUnits || bytes >= demand.MaxBytes)
                {
                    return leases;
                }

                if (lane.NextDue <= now && demand.ClosedGate(lane.Lane) is null && lane.TryTake(now, MayFlow) is { } waiting)
                {
                    waiting.Leased = true;
                    leases.Add(new Lease { Unit = waiting.Unit, Message = waiting.Message, State = waiting.State, Unheard = waiting.Unheard });
                    bytes += waiting.Message.Content.Prologue.Length + waiting.Message.Content.Head.Length;
                    lane.IsNew = false;
                    lane.Turn = ++_turn;
                    took = true;
                }
            }
        }

        return leases;
    }

    // The newest of which nothing was taken yet, the one whose turn is longest ago, and the longest new, in turn.
    private List<InMemoryLane> OrderHoldingLock()
    {
        var others = new Queue<InMemoryLane>(_lanes.Values.Where(lane => !lane.IsNew).OrderBy(lane => lane.Turn));
        var fresh = new LinkedList<InMemoryLane>(_lanes.Values.Where(lane => lane.IsNew).OrderByDescending(lane => lane.Turn));
        var order = new List<InMemoryLane>(_lanes.Count);
        for (var next = _turn; order.Count < _lanes.Count; next++)
        {
            if (next % 3 == 1 && others.TryDequeue(out var other))
            {
                order.Add(other);
            }
            else if (next % 3 != 1 && (next % 3 == 0 ? fresh.First : fresh.Last) is { } newest)
            {
                fresh.Remove(newest);
                order.Add(newest.Value);
            }
        }

        return order;
    }

    private TimeSpan UntilNextDueHoldingLock()
    {
        var now = _time.GetUtcNow();
        var next = _lanes.Values.Where(l => l.NextDue > now).Select(l => l.NextDue - now).DefaultIfEmpty(LongestWait).Min();
        return next < LongestWait ? next : LongestWait;
    }

    private void SettleHoldingLock(Settlement settlement)
    {
        var lease = settlement.Lease;
        if (!_units.TryGetValue(lease.Id, out var waiting) || !waiting.Leased)
        {
            throw new InvalidOperationException($"{lease.Id} is not leased");
        }

        foreach (var report in settlement.Reports)
        {
            AcceptHoldingLock(report);
        }

        foreach (var happened in settlement.Events)
        {
            Activity.Add(happened);
        }

        waiting.Leased = false;
        waiting.IsPastDot = false;
        if (settlement.Next is { } next)
        {
            waiting.State = next;
            waiting.Unheard = null;
            waiting.Due = settlement.DueAt ?? throw new ArgumentException("a deferred unit has no due time", nameof(settlement));
            LaneHoldingLock(lease.Unit.Lane).Add(waiting);
            return;
        }

        _units.Remove(lease.Id);
        var (_, open) = _messages[lease.Id.Message];
        open.Remove(lease.Id.Number);
        if (open.Count == 0)
        {
            _messages.Remove(lease.Id.Message);
            if (settlement.IsCancelled)
            {
                FreeRepeatHoldingLock(lease.Id.Message);
            }
        }
    }

    private void FreeRepeatHoldingLock(MessageId cancelled)
    {
        foreach (var (key, kept) in _idempotency)
        {
            if (kept.First == cancelled && new IdempotencyKey(key.Key, kept.Fingerprint).IsOfMail)
            {
                _idempotency.Remove(key);
            }
        }
    }

    private InMemoryLane LaneHoldingLock(Lane lane)
    {
        if (!_lanes.TryGetValue(lane, out var known))
        {
            _lanes[lane] = known = new InMemoryLane(lane) { Turn = ++_turn };
        }

        return known;
    }

    private IReadOnlyList<T> Copy<T>(List<T> list)
    {
        lock (_lock)
        {
            return [.. list];
        }
    }

    private void Signal() => Interlocked.Exchange(ref _changed, NewSignal()).SetResult();

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}

internal sealed class Waiting(Unit unit, Message message)
{
    public Unit Unit { get; } = unit;
    public Message Message { get; } = message;
    public UnitState? State { get; set; }
    public UnheardAttempt? Unheard { get; set; }
    public DateTimeOffset Due { get; set; }
    public bool Leased { get; set; }
    public bool IsPastDot { get; set; }
}

internal sealed class InMemoryLane(Lane lane)
{
    private readonly SortedSet<Waiting> _waiting = new(Comparer<Waiting>.Create((a, b) =>
        (a.Due, a.Unit.Id.Message, a.Unit.Id.Number).CompareTo((b.Due, b.Unit.Id.Message, b.Unit.Id.Number))));

    public Lane Lane { get; } = lane;

    /// <summary>Nothing was taken of it yet.</summary>
    public bool IsNew { get; set; } = true;

    /// <summary>Grows from turn to turn over all lanes: its last, or when it came.</summary>
    public long Turn { get; set; }

    public DateTimeOffset NextDue => _waiting.Min?.Due ?? DateTimeOffset.MaxValue;

    public void Add(Waiting waiting) => _waiting.Add(waiting);

    public bool Remove(Waiting waiting) => _waiting.Remove(waiting);

    public Waiting? TryTake(DateTimeOffset now, Func<Waiting, bool> may)
    {
        var taken = _waiting.TakeWhile(w => w.Due <= now).FirstOrDefault(may);
        return taken is not null && _waiting.Remove(taken) ? taken : null;
    }
}
