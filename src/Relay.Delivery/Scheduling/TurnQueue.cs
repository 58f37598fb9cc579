using System.Diagnostics.CodeAnalysis;
using Relay.Mail.Messages;

namespace Relay.Delivery.Scheduling;

/// <summary>
/// Whose turn it is at a site: transactional mail before bulk, which still gets a floor; within a class account after
/// account; within an account domain after domain. A sender with many domains or messages has one sender's turn.
/// </summary>
internal sealed class TurnQueue
{
    // Of so many turns one is bulk's while both wait, so that bulk is slow but never stands still.
    private const int BulkEvery = 8;

    private readonly Accounts _transactional = new();
    private readonly Accounts _bulk = new();
    private int _turns;

    public int Count { get; private set; }

    public void Add(HeldLease held)
    {
        ClassOf(held).Add(held);
        Count++;
    }

    public bool TryTake([NotNullWhen(true)] out HeldLease? held)
    {
        var bulkFirst = ++_turns % BulkEvery == 0;
        var (first, second) = bulkFirst ? (_bulk, _transactional) : (_transactional, _bulk);
        if (!first.TryTake(out held) && !second.TryTake(out held))
        {
            return false;
        }

        Count--;
        return true;
    }

    /// <summary>Takes out what passes; the rest keeps its order.</summary>
    public List<HeldLease> TakeBack(Func<HeldLease, bool> which)
    {
        var back = new List<HeldLease>();
        var rest = new List<HeldLease>(Count);
        while (TryTake(out var held))
        {
            (which(held) ? back : rest).Add(held);
        }

        rest.ForEach(Add);
        return back;
    }

    private Accounts ClassOf(HeldLease held) => held.Lease.Unit.Lane.Class == MessageClass.Bulk ? _bulk : _transactional;

    private sealed class Accounts
    {
        private readonly Dictionary<string, Domains> _byName = new(StringComparer.Ordinal);
        private readonly Queue<Domains> _turns = new();

        public void Add(HeldLease held)
        {
            var account = held.Lease.Unit.Lane.Account;
            if (!_byName.TryGetValue(account, out var domains))
            {
                _byName[account] = domains = new Domains(account);
                _turns.Enqueue(domains);
            }

            domains.Add(held);
        }

        public bool TryTake([NotNullWhen(true)] out HeldLease? held)
        {
            held = null;
            if (!_turns.TryDequeue(out var domains))
            {
                return false;
            }

            held = domains.Take();
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
        private readonly Dictionary<string, Queue<HeldLease>> _byName = new(StringComparer.Ordinal);
        private readonly Queue<(string Name, Queue<HeldLease> Waiting)> _turns = new();

        public string Account { get; } = account;

        public bool IsEmpty => _turns.Count == 0;

        public void Add(HeldLease held)
        {
            var domain = held.Lease.Unit.Lane.Domain;
            if (!_byName.TryGetValue(domain, out var waiting))
            {
                _byName[domain] = waiting = new Queue<HeldLease>();
                _turns.Enqueue((domain, waiting));
            }

            waiting.Enqueue(held);
        }

        public HeldLease Take()
        {
            var turn = _turns.Dequeue();
            var held = turn.Waiting.Dequeue();
            if (turn.Waiting.Count > 0)
            {
                _turns.Enqueue(turn);
            }
            else
            {
                _byName.Remove(turn.Name);
            }

            return held;
        }
    }
}
