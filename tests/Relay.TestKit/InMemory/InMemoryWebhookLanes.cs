using System.Text;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Webhooks;

namespace Relay.TestKit.InMemory;

/// <summary>What waits for webhooks, in memory: one lane for each, of one partition that is always ours, unless it is told of more.</summary>
public sealed class InMemoryWebhookLanes(TimeProvider time) : IWebhookLanes
{
    private readonly Lock _lock = new();
    private readonly List<Lane> _lanes = [];
    private readonly Dictionary<MessageId, List<MailEvent>> _happened = [];
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task Changed
    {
        get
        {
            lock (_lock)
            {
                return _changed.Task;
            }
        }
    }

    /// <summary>While false nothing is ours.</summary>
    public bool IsOurs { get; set; } = true;

    /// <param name="partitions">In each of so many partitions it has a lane.</param>
    public void Add(EventWebhook webhook, int partitions = 1)
    {
        lock (_lock)
        {
            _lanes.AddRange(Enumerable.Range(0, partitions).Select(partition => new Lane(webhook, partition)));
        }
    }

    public void Change(EventWebhook webhook)
    {
        lock (_lock)
        {
            foreach (var lane in LanesOf(webhook))
            {
                (lane.Webhook, lane.NotBefore) = (webhook, default);
            }
        }

        Signal();
    }

    /// <summary>Nobody looks in between.</summary>
    public void AtOnce(Action all)
    {
        lock (_lock)
        {
            all();
        }
    }

    /// <summary>Something happens to a message, and waits for all webhooks of its account.</summary>
    public void Happen(MailEvent happened)
    {
        lock (_lock)
        {
            if (!_happened.TryGetValue(happened.Message, out var events))
            {
                _happened[happened.Message] = events = [];
            }

            events.Add(happened);
            foreach (var lane in _lanes.Where(lane => lane.Webhook.Account == happened.Account && lane.Webhook.Wants(happened.Type)
                && lane.Partition == happened.Message.Slot % LanesOf(lane.Webhook).Count()))
            {
                lane.Waiting.TryAdd(happened.Message, new Wait(events.Count - 1, time.GetUtcNow(), time.GetUtcNow(), 0, false));
            }
        }

        Signal();
    }

    /// <summary>What happened to a message is kept no longer; what waits of it is still marked.</summary>
    public void Forget(MessageId message)
    {
        lock (_lock)
        {
            _happened[message].Clear();
        }
    }

    public void Test(EventWebhook webhook, MessageId id)
    {
        lock (_lock)
        {
            LanesOf(webhook).First().Waiting[id] = new Wait(0, time.GetUtcNow(), time.GetUtcNow(), 0, true);
        }

        Signal();
    }

    /// <summary>How many messages wait for it.</summary>
    public int Waiting(EventWebhook webhook)
    {
        lock (_lock)
        {
            return LanesOf(webhook).Sum(lane => lane.Waiting.Count);
        }
    }

    /// <summary>How often somebody looked for what is due.</summary>
    public int Looks { get; private set; }

    /// <summary>Nobody works on any of it.</summary>
    public bool IsQuiet
    {
        get
        {
            lock (_lock)
            {
                return _lanes.TrueForAll(lane => !lane.IsOut);
            }
        }
    }

    /// <summary>Nobody works on any of it, and nobody has cause to before the clock moves.</summary>
    public bool IsAtRest
    {
        get
        {
            lock (_lock)
            {
                return _lanes.TrueForAll(lane => !lane.IsOut && !IsDue(lane));
            }
        }
    }

    /// <summary>How many of what was read are in somebody's hands: messages of lanes that were not given back yet.</summary>
    public int InHand
    {
        get
        {
            lock (_lock)
            {
                return _lanes.Sum(lane => lane.InHand);
            }
        }
    }

    /// <summary>The most messages that were read of a lane at once, since it was set.</summary>
    public int MostRead { get; set; }

    public int Taken { get; private set; }

    public int GivenUp { get; private set; }

    public ValueTask<IReadOnlyList<WebhookLane>> TakeDueAsync(CancellationToken cancellation)
    {
        lock (_lock)
        {
            var due = _lanes.Where(lane => !lane.IsOut && IsDue(lane)).ToList();
            due.ForEach(lane => lane.IsOut = true);
            Looks++;
            return ValueTask.FromResult<IReadOnlyList<WebhookLane>>([.. due.Select(lane => new WebhookLane(lane.Partition, 1, lane.Webhook))]);
        }
    }

    public ValueTask<IReadOnlyList<WebhookTurn>> ReadAsync(WebhookLane lane, int most, long octets, DateTimeOffset? dueBefore, CancellationToken cancellation)
    {
        lock (_lock)
        {
            var until = dueBefore ?? time.GetUtcNow();
            var turns = LaneOf(lane).Waiting.Where(each => each.Value.Due <= until).OrderBy(each => each.Value.Due).ThenBy(each => each.Key).Take(most)
                .Select(each => TurnOf(each.Key, each.Value)).TakeWhile((turn, n) => (octets -= turn.Events.Sum(OctetsOf)) >= 0 || n == 0).ToList();
            LaneOf(lane).InHand = turns.Count;
            MostRead = Math.Max(MostRead, turns.Count);
            return ValueTask.FromResult<IReadOnlyList<WebhookTurn>>(turns);
        }
    }

    public bool MayPost(WebhookLane lane) => IsOurs;

    public ValueTask SettleAsync(WebhookLane lane, IReadOnlyList<WebhookTurnEnd> ends, CancellationToken cancellation)
    {
        lock (_lock)
        {
            foreach (var end in ends.Where(end => !end.IsNothing))
            {
                var (waiting, turn) = (LaneOf(lane).Waiting, end.Turn);
                Taken += end.Taken;
                GivenUp += end.GivenUp;
                if (end.Next >= turn.Length && (turn.IsTest || turn.Length == _happened[turn.Message].Count))
                {
                    waiting.Remove(turn.Message);
                }
                else
                {
                    waiting[turn.Message] = new Wait((int)end.Next, turn.Queued, end.Due ?? time.GetUtcNow(), end.Failures, turn.IsTest);
                }
            }
        }

        return ValueTask.CompletedTask;
    }

    public ValueTask GiveBackAsync(WebhookLane lane, DateTimeOffset? notBefore, CancellationToken cancellation)
    {
        lock (_lock)
        {
            var back = LaneOf(lane);
            (back.IsOut, back.NotBefore, back.InHand) = (false, notBefore ?? default, 0);
        }

        Signal();
        return ValueTask.CompletedTask;
    }

    public ValueTask HurryAsync(EventWebhook webhook, CancellationToken cancellation)
    {
        lock (_lock)
        {
            foreach (var lane in LanesOf(webhook))
            {
                foreach (var (message, wait) in lane.Waiting.ToList())
                {
                    lane.Waiting[message] = wait with { Due = time.GetUtcNow() };
                }
            }
        }

        return ValueTask.CompletedTask;
    }

    private bool IsDue(Lane lane) => time.GetUtcNow() is var now && lane.NotBefore <= now && lane.Waiting.Values.Any(wait => wait.Due <= now);

    private void Signal()
    {
        TaskCompletionSource changed;
        lock (_lock)
        {
            (changed, _changed) = (_changed, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        }

        changed.SetResult();
    }

    private WebhookTurn TurnOf(MessageId message, Wait wait)
    {
        var events = wait.IsTest ? [] : _happened[message];
        var from = wait.From > events.Count ? 0 : wait.From;
        return new WebhookTurn
        {
            Message = message,
            Mark = "",
            Queued = wait.Queued,
            Failures = wait.Failures,
            From = from,
            Length = wait.IsTest ? 1 : events.Count,
            Events = wait.IsTest ? [new WebhookEvent(0, 1, "", null)] : [.. events.Skip(from).Select((happened, i) => new WebhookEvent(from + i, from + i + 1, PrintOf(happened), happened))],
            Summary = events.FirstOrDefault()?.Summary,
            IsTest = wait.IsTest,
        };
    }

    private static string PrintOf(MailEvent happened) => WebhookEvent.PrintOf(Encoding.UTF8.GetBytes($"{happened.Time.UtcTicks} {happened}"));

    // What grows: the rest of an event is some hundred.
    private static long OctetsOf(WebhookEvent each) => 300 + (each.Happened?.Summary?.Metadata?.Values.Sum(value => value.Length) ?? 0);

    private IEnumerable<Lane> LanesOf(EventWebhook webhook) => _lanes.Where(lane => lane.Webhook.Id == webhook.Id);

    private Lane LaneOf(WebhookLane lane) => LanesOf(lane.Webhook).Single(each => each.Partition == lane.Partition);

    private sealed class Lane(EventWebhook webhook, int partition)
    {
        public int Partition => partition;
        public EventWebhook Webhook { get; set; } = webhook;
        public Dictionary<MessageId, Wait> Waiting { get; } = [];
        public bool IsOut { get; set; }
        public int InHand { get; set; }
        public DateTimeOffset NotBefore { get; set; }
    }

    private sealed record Wait(int From, DateTimeOffset Queued, DateTimeOffset Due, int Failures, bool IsTest);
}
