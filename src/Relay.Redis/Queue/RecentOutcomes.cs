using Relay.Redis.Journal;

namespace Relay.Redis.Queue;

/// <summary>
/// The last outcomes that were settled in a partition. A store that loses its last moment, by a power cut without a flush or
/// by a failover, has these units waiting again: what is remembered here is settled once more, and not sent once more.
/// </summary>
internal sealed class RecentOutcomes
{
    // Longer than a store flushes or a replica may lag (min-replicas-max-lag).
    private static readonly TimeSpan Kept = TimeSpan.FromSeconds(10);

    // Half a kilobyte each. With more a second than this, the oldest of the moment are sent twice.
    private const int Most = 1_024;

    private readonly Lock _lock = new();
    private readonly Queue<(DoneEntry Outcome, DateTimeOffset At)> _outcomes = new();

    public void Add(DoneEntry outcome, DateTimeOffset now)
    {
        lock (_lock)
        {
            _outcomes.Enqueue((outcome, now));
            while (_outcomes.Count > Most || _outcomes.Peek().At < now - Kept)
            {
                _outcomes.Dequeue();
            }
        }
    }

    /// <summary>All of them, once: they are the caller's to settle.</summary>
    public IReadOnlyList<DoneEntry> Take()
    {
        lock (_lock)
        {
            List<DoneEntry> taken = [.. _outcomes.Select(o => o.Outcome)];
            _outcomes.Clear();
            return taken;
        }
    }

    public void Clear()
    {
        lock (_lock)
        {
            _outcomes.Clear();
        }
    }
}
