using System.Diagnostics.CodeAnalysis;
using Relay.Mail.Messages;
using Relay.Mail.Queue;

namespace Relay.Delivery.Scheduling;

/// <summary>
/// Whose turn it is: transactional mail before bulk, which still gets a floor; within a class account after account; within an
/// account domain after domain. A sender with many domains or messages has one sender's turn. Units take their turns at a
/// site so, and sites at a provider.
/// </summary>
internal sealed class TurnQueue<T>(Func<T, Lane> laneOf)
    where T : notnull
{
    // Of so many turns one is bulk's while both wait, so that bulk is slow but never stands still.
    private const int BulkEvery = 8;

    private readonly Accounts _transactional = new();
    private readonly Accounts _bulk = new();
    private int _turns;

    public int Count { get; private set; }

    /// <summary>Whose mail of which class is here.</summary>
    public IEnumerable<(string Account, MessageClass Class)> Senders =>
        _transactional.Names.Select(name => (name, MessageClass.Transactional)).Concat(_bulk.Names.Select(name => (name, MessageClass.Bulk)));

    public void Add(T item)
    {
        var lane = laneOf(item);
        (lane.Class == MessageClass.Bulk ? _bulk : _transactional).Add(item, lane);
        Count++;
    }

    public bool TryTake([NotNullWhen(true)] out T? item)
    {
        var bulkFirst = ++_turns % BulkEvery == 0;
        var (first, second) = bulkFirst ? (_bulk, _transactional) : (_transactional, _bulk);
        if (!first.TryTake(out item) && !second.TryTake(out item))
        {
            return false;
        }

        Count--;
        return true;
    }

    /// <summary>Takes out what passes; the rest keeps its order.</summary>
    public List<T> TakeBack(Func<T, bool> which)
    {
        var back = new List<T>();
        var rest = new List<T>(Count);
        while (TryTake(out var item))
        {
            (which(item) ? back : rest).Add(item);
        }

        rest.ForEach(Add);
        return back;
    }

    private sealed class Accounts
    {
        private readonly Dictionary<string, Domains> _byName = new(StringComparer.Ordinal);
        private readonly Queue<Domains> _turns = new();

        public IEnumerable<string> Names => _byName.Keys;

        public void Add(T item, Lane lane)
        {
            if (!_byName.TryGetValue(lane.Account, out var domains))
            {
                _byName[lane.Account] = domains = new Domains(lane.Account);
                _turns.Enqueue(domains);
            }

            domains.Add(item, lane.Domain);
        }

        public bool TryTake([NotNullWhen(true)] out T? item)
        {
            item = default;
            if (!_turns.TryDequeue(out var domains))
            {
                return false;
            }

            item = domains.Take();
            if (domains.IsEmpty)
            {
                _byName.Remove(domains.Account);
            }
            else
            {
                _turns.Enqueue(domains);
            }

            return true;
        }
    }

    // Never empty while it has a turn.
    private sealed class Domains(string account)
    {
        private readonly Dictionary<string, Queue<T>> _byName = new(StringComparer.Ordinal);
        private readonly Queue<(string Name, Queue<T> Waiting)> _turns = new();

        public string Account { get; } = account;

        public bool IsEmpty => _turns.Count == 0;

        public void Add(T item, string domain)
        {
            if (!_byName.TryGetValue(domain, out var waiting))
            {
                _byName[domain] = waiting = new Queue<T>();
                _turns.Enqueue((domain, waiting));
            }

            waiting.Enqueue(item);
        }

        public T Take()
        {
            var turn = _turns.Dequeue();
            var item = turn.Waiting.Dequeue();
            if (turn.Waiting.Count > 0)
            {
                _turns.Enqueue(turn);
            }
            else
            {
                _byName.Remove(turn.Name);
            }

            return item;
        }
    }
}
