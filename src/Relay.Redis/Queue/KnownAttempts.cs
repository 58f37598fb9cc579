using Microsoft.Extensions.Logging;
using Relay.Mail.Queue;
using Relay.Redis.Journal;

namespace Relay.Redis.Queue;

/// <summary>
/// What this node knows of attempts and the store does not, or does not any more: what a former run left in the journal, and what was
/// settled in a moment that the store has lost. Kept until it is settled, or handed to another owner.
/// </summary>
internal sealed class KnownAttempts(Store store, LocalJournal journal, ILogger<KnownAttempts> logger)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<UnitId, JournalEntry> _entries = [];

    /// <summary>Something is known that is not settled.</summary>
    public bool Any
    {
        get
        {
            lock (_lock)
            {
                return _entries.Count > 0;
            }
        }
    }

    /// <summary>What this node's former run left in its journal.</summary>
    public void Begin(IReadOnlyList<JournalEntry> found)
    {
        lock (_lock)
        {
            _entries.Clear();
            foreach (var entry in found)
            {
                _entries[entry.Unit] = entry;
            }
        }

        if (found.Count > 0)
        {
            logger.JournalFound(found.Count);
        }
    }

    /// <summary>What was settled last of a partition may be forgotten by the store.</summary>
    public void Recall(Partition partition)
    {
        lock (_lock)
        {
            foreach (var done in partition.Recent.Take())
            {
                _entries.TryAdd(done.Unit, done);
            }
        }
    }

    public IReadOnlyList<JournalEntry> Of(Partition partition)
    {
        lock (_lock)
        {
            return _entries.Count == 0 ? [] : [.. _entries.Values.Where(e => store.PartitionOf(e.Unit.Message) == partition)];
        }
    }

    /// <summary>Does something of which those that are still known are a part; none of them is forgotten meanwhile.</summary>
    public void Holding(Action<Func<UnitId, bool>> act)
    {
        lock (_lock)
        {
            act(_entries.ContainsKey);
        }
    }

    /// <param name="ended">It is no more to be known at the next start either.</param>
    public void Forget(UnitId unit, bool ended)
    {
        lock (_lock)
        {
            _entries.Remove(unit);
        }

        if (ended)
        {
            journal.End(unit);
        }
    }
}
