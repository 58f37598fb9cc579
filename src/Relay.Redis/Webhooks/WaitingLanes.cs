using Relay.Redis.Queue;

namespace Relay.Redis.Webhooks;

/// <summary>
/// Which lanes something waits in, and since when it is due: what is known of it in memory. Whoever takes one has it alone until
/// it is put back; what comes meanwhile makes it due again.
/// </summary>
internal sealed class WaitingLanes(Store store, TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<(int Partition, string Webhook), Waiting> _lanes = [];
    private readonly Pulse _arrived = new();

    /// <summary>Something may have become due.</summary>
    public Pulse Arrived => _arrived;

    /// <summary>Something more waits.</summary>
    public void Add(int partition, string webhook, int messages)
    {
        lock (_lock)
        {
            var lane = LaneOf(partition, webhook);
            lane.Due = Earlier(lane.Due, time.GetUtcNow());
            lane.Arrived += messages;
            lane.IsChanged = true;
        }

        _arrived.Beat();
    }

    /// <summary>In this partition something waits for these, as the store says: they are looked at, though they be left alone.</summary>
    public void Found(int partition, IEnumerable<string> webhooks)
    {
        var now = time.GetUtcNow();
        lock (_lock)
        {
            foreach (var webhook in webhooks)
            {
                LaneOf(partition, webhook).Wake(now);
            }
        }
    }

    /// <summary>What waits in it is due, though its webhook be left alone.</summary>
    public void Hurry(int partition, string webhook)
    {
        Found(partition, [webhook]);
        _arrived.Beat();
    }

    public bool Knows(int partition, string webhook)
    {
        lock (_lock)
        {
            return _lanes.ContainsKey((partition, webhook));
        }
    }

    /// <param name="crowd">Where so many messages have come, a lane is looked at though its webhook be left alone.</param>
    public IReadOnlyList<(int Partition, string Webhook)> TakeDue(int crowd)
    {
        var now = time.GetUtcNow();
        var taken = new List<(int, string)>();
        lock (_lock)
        {
            foreach (var (key, lane) in _lanes)
            {
                if (!store.Partitions[key.Partition].IsServed)
                {
                    // Another's now; what is out comes back.
                    if (!lane.IsOut)
                    {
                        _lanes.Remove(key);
                    }
                }
                else if (!lane.IsOut && lane.Due <= now && (lane.NotBefore <= now || lane.Arrived > crowd))
                {
                    (lane.IsOut, lane.IsChanged, lane.Arrived) = (true, false, 0);
                    taken.Add(key);
                }
            }
        }

        return taken;
    }

    /// <param name="due">Null: nothing waits in it.</param>
    /// <param name="notBefore">Its webhook is left alone until then; null when it is not.</param>
    public void PutBack(int partition, string webhook, DateTimeOffset? due, DateTimeOffset? notBefore)
    {
        lock (_lock)
        {
            var lane = LaneOf(partition, webhook);
            if (due is null && !lane.IsChanged)
            {
                _lanes.Remove((partition, webhook));
                return;
            }

            lane.IsOut = false;
            lane.NotBefore = notBefore ?? default;
            lane.Due = lane.IsChanged ? time.GetUtcNow() : due!.Value;
        }

        _arrived.Beat();
    }

    private Waiting LaneOf(int partition, string webhook)
    {
        if (!_lanes.TryGetValue((partition, webhook), out var lane))
        {
            _lanes[(partition, webhook)] = lane = new Waiting();
        }

        return lane;
    }

    private static DateTimeOffset Earlier(DateTimeOffset one, DateTimeOffset other) => one < other ? one : other;

    private sealed class Waiting
    {
        public DateTimeOffset Due { get; set; } = DateTimeOffset.MaxValue;

        /// <summary>The webhook is left alone until then.</summary>
        public DateTimeOffset NotBefore { get; set; }

        /// <summary>Messages since it was looked at: while its webhook is left alone it is kept within its bound all the same.</summary>
        public int Arrived { get; set; }

        /// <summary>Somebody works on it.</summary>
        public bool IsOut { get; set; }

        /// <summary>Something came while it was out.</summary>
        public bool IsChanged { get; set; }

        public void Wake(DateTimeOffset now) => (NotBefore, Due, IsChanged) = (default, Earlier(Due, now), true);
    }
}
