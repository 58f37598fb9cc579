using Relay.Mail.Bounces;
using Relay.Mail.Messages;
using Relay.Mail.Queue;

namespace Relay.TestKit.InMemory;

/// <summary>Administration of the queue in memory: what is asked is done at once, or when what is in flight comes back.</summary>
public sealed partial class InMemoryMailQueue
{
    private readonly List<(QueueAsk Ask, AskAnswer Answer)> _asks = [];

    public InMemorySuspensions Suspensions { get; }

    /// <summary>The delivery to speak to; null where none runs.</summary>
    public IDeliveryDesk? Desk { get; set; }

    /// <summary>Writes the reports that bounces cause; null for none.</summary>
    public IFailureReports? Reports { get; set; }

    /// <summary>While set, nothing that is asked is done: no node owns the mail.</summary>
    public bool IsOrphaned { get; set; }

    public ValueTask<QueuePreview> PreviewAsync(QueueSelector selector, AskKind? kind, int shown, CancellationToken cancellation)
    {
        lock (_lock)
        {
            var units = MeantHoldingLock(selector).Where(w => kind != AskKind.Retry || IsPutOff(w)).OrderBy(w => w.Due).ToList();
            return ValueTask.FromResult(new QueuePreview(units.Count, true, LanesOf(units), [.. units.Take(shown).Select(Show)]));
        }
    }

    public async ValueTask<AskAnswer> AskAsync(QueueAsk ask, TimeSpan patience, CancellationToken cancellation)
    {
        var deadline = _time.GetUtcNow() + patience;
        lock (_lock)
        {
            _asks.Add((ask, AskAnswer.NotYet));
        }

        while (true)
        {
            HashSet<UnitId> inFlight;
            Task changed;
            bool worked;
            lock (_lock)
            {
                changed = _changed.Task;
                worked = WorkHoldingLock();
                var answer = _asks.Single(a => a.Ask.Id == ask.Id).Answer;
                if (answer.IsDone || _time.GetUtcNow() >= deadline)
                {
                    Signal();
                    return answer;
                }

                inFlight = [.. MeantHoldingLock(ask.Selector).Where(w => w.Leased).Select(w => w.Unit.Id)];
            }

            if (worked)
            {
                Signal();
            }

            if (ask.Kind != AskKind.Retry)
            {
                Desk?.GiveBack(lease => inFlight.Contains(lease.Id));
            }

            await changed.WaitAsync(deadline - _time.GetUtcNow(), _time, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellation.ThrowIfCancellationRequested();
        }
    }

    public ValueTask<LaneDepth?> FindLaneAsync(Lane lane, CancellationToken cancellation)
    {
        lock (_lock)
        {
            return ValueTask.FromResult(LanesOf(_units.Values.Where(w => w.Unit.Lane == lane)).SingleOrDefault());
        }
    }

    public ValueTask<IReadOnlyList<WaitingUnit>> ListUnitsAsync(Lane lane, UnitPosition? after, int limit, CancellationToken cancellation)
    {
        lock (_lock)
        {
            IReadOnlyList<WaitingUnit> page =
            [
                .. _units.Values.Where(w => w.Unit.Lane == lane)
                    .Select(Show)
                    .OrderBy(u => u.Position)
                    .Where(u => after is not { } last || u.Position.CompareTo(last) > 0)
                    .Take(limit),
            ];
            return ValueTask.FromResult(page);
        }
    }

    public ValueTask<IReadOnlyList<WaitingUnit>> FindUnitsAsync(MessageId message, CancellationToken cancellation)
    {
        lock (_lock)
        {
            return ValueTask.FromResult<IReadOnlyList<WaitingUnit>>([.. _units.Values.Where(w => w.Message.Id == message).OrderBy(w => w.Unit.Id.Number).Select(Show)]);
        }
    }

    public ValueTask<MailOwner?> FindOwnerAsync(MessageId message, CancellationToken cancellation) =>
        ValueTask.FromResult(IsOrphaned ? null : new MailOwner("memory", true));

    private bool MayFlow(Waiting waiting) => Suspensions.Current.Find(waiting.Unit.Lane, waiting.Message.Id) is null;

    private bool IsAskedHoldingLock(Lease lease) =>
        _asks.Any(a => !a.Answer.IsDone && a.Ask.Kind != AskKind.Retry && a.Ask.Selector.Covers(lease.Unit.Lane, lease.Id.Message));

    // True when it changed anything.
    private bool WorkHoldingLock()
    {
        var units = 0L;
        for (var i = 0; i < _asks.Count && !IsOrphaned; i++)
        {
            if (!_asks[i].Answer.IsDone)
            {
                units -= _asks[i].Answer.Units;
                _asks[i] = (_asks[i].Ask, WorkHoldingLock(_asks[i].Ask, _asks[i].Answer));
                units += _asks[i].Answer.Units;
            }
        }

        return units > 0;
    }

    private AskAnswer WorkHoldingLock(QueueAsk ask, AskAnswer before)
    {
        var meant = MeantHoldingLock(ask.Selector).Where(w => w.Message.Id.CreatedAt <= ask.AskedAt).ToList();
        if (ask.Kind == AskKind.Retry)
        {
            return new AskAnswer(true, RetryHoldingLock(meant), []);
        }

        var still = meant.Where(w => w.Leased).ToList();
        var ended = meant.Except(still).ToList();
        foreach (var waiting in ended)
        {
            LaneHoldingLock(waiting.Unit.Lane).Remove(waiting);
            waiting.Leased = true;
            var settlement = AskedEnd.Of(
                new Lease { Unit = waiting.Unit, Message = waiting.Message, State = waiting.State }, ask, Reports, _time.GetUtcNow());
            SettleHoldingLock(settlement);
            _settlements.Add(settlement);
        }

        var pastDot = ask.Selector.Message is null ? [] : still.Where(w => w.IsPastDot).ToList();
        var isDone = still.Count == pastDot.Count;
        return new AskAnswer(isDone, before.Units + ended.Count, isDone ? [.. pastDot.Select(w => w.Unit.Id)] : []);
    }

    private long RetryHoldingLock(List<Waiting> meant)
    {
        foreach (var domain in meant.Select(w => w.Unit.Lane.Domain).Distinct())
        {
            Desk?.TryAgain(domain);
        }

        var putOff = meant.Where(w => !w.Leased && IsPutOff(w)).ToList();
        foreach (var waiting in putOff)
        {
            var lane = LaneHoldingLock(waiting.Unit.Lane);
            lane.Remove(waiting);
            waiting.Due = _time.GetUtcNow();
            lane.Add(waiting);
        }

        return putOff.Count;
    }

    private List<Waiting> MeantHoldingLock(QueueSelector selector) =>
        [.. _units.Values.Where(w => selector.Covers(w.Unit.Lane, w.Message.Id))];

    private bool IsPutOff(Waiting waiting) => waiting.State is not null && waiting.Due > _time.GetUtcNow();

    private static IReadOnlyList<LaneDepth> LanesOf(IEnumerable<Waiting> units) =>
    [
        .. units.GroupBy(w => w.Unit.Lane, (lane, of) => (Lane: lane, Units: of.ToList()))
            .Select(l => new LaneDepth(l.Lane, l.Units.Count, l.Units.Min(w => w.Due)))
            .OrderByDescending(l => l.Units),
    ];

    private static WaitingUnit Show(Waiting waiting) => new(
        waiting.Unit.Id,
        waiting.Unit.Lane,
        waiting.Due,
        waiting.State,
        [
            .. (waiting.State is null ? waiting.Unit.Recipients : [.. waiting.State.Open.Select(r => r.Index)])
                .Select(index => waiting.Message.Envelope.Recipients[index].Address.Text),
        ])
    {
        Mode = waiting.Message.Mode,
    };
}
