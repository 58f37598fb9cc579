using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis.Connections;
using Relay.Redis.Records;
using Relay.Redis.Steps;
using StackExchange.Redis;

namespace Relay.Redis.Queue;

/// <summary>What is settled in one partition by one step.</summary>
internal sealed class PartitionSettle(Partition partition, IReadOnlyList<PendingSettle> settles)
{
    private readonly long _term = partition.Term;

    // The units still open of messages that have several.
    private readonly Dictionary<MessageId, HashSet<int>> _open = [];

    // What stands under the keys by which cancelled messages are known when they come again.
    private readonly Dictionary<MessageId, (RedisKey Key, string Value)> _repeats = [];

    public Partition Partition { get; } = partition;
    public IReadOnlyList<PendingSettle> Settles { get; } = settles;

    /// <summary>As it was when the batch began: a step of one term is never sent with the fence of another.</summary>
    public Fence Fence { get; private set; } = partition.Settled;

    public bool IsCurrent => Partition.IsOwned && Partition.Term == _term;
    public bool IsDone { get; set; }
    public bool IsFenced { get; set; }

    /// <summary>The step is done.</summary>
    public void Advance()
    {
        IsDone = true;
        if (IsCurrent)
        {
            Partition.Settled = Fence.Next;
            Partition.StepsDone++;
        }
    }

    /// <summary>The store is at an earlier step than we knew.</summary>
    public void GoBack(Fence now)
    {
        Fence = now;
        if (IsCurrent)
        {
            Partition.Settled = now;
            Partition.HasGoneBack = Partition.GoneBackTo != (now, Partition.StepsDone);
        }
    }

    /// <summary>Reads what its step depends on.</summary>
    public async Task ReadAsync(IDatabase database)
    {
        await ReadOpenAsync(database);
        await ReadRepeatsAsync(database);
    }

    // Only the owner takes from these sets, and only in its steps, so what is read stays true until the step.
    private async Task ReadOpenAsync(IDatabase database)
    {
        _open.Clear();
        var ids = Settles
            .Where(s => s.Settlement is { Next: null } settlement && settlement.Lease.HasSiblings())
            .Select(s => s.Settlement!.Lease.Id.Message)
            .Distinct();
        foreach (var id in ids)
        {
            var members = await database.SetMembersAsync(Partition.Keys.Open(id), StoreConnections.FromPrimary).InTimeAsync();
            _open[id] = [.. members.Select(m => (int)m)];
        }
    }

    // A key that has come to its time may be another message's by now. One that stands in another partition is left to its time.
    private async Task ReadRepeatsAsync(IDatabase database)
    {
        _repeats.Clear();
        List<Message>? cancelled = null;
        foreach (var settle in Settles)
        {
            if (settle.Settlement is { Lease.Message: { RepeatKey: not null } message, IsCancelled: true })
            {
                (cancelled ??= []).Add(message);
            }
        }

        if (cancelled is null)
        {
            return;
        }

        RedisKey[] keys = [.. cancelled.Select(message => Partition.Keys.Idempotency(message.Account, message.RepeatKey!))];
        var values = await database.StringGetAsync(keys, StoreConnections.FromPrimary).InTimeAsync();
        for (var i = 0; i < keys.Length; i++)
        {
            if ((string?)values[i] is { } value && value.Split(' ')[0] == cancelled[i].Id.ToString())
            {
                _repeats[cancelled[i].Id] = (keys[i], value);
            }
        }
    }

    /// <summary>The fence, and what each of the settlements writes behind it.</summary>
    public void AddTo(ITransaction step, int mark)
    {
        var keys = Partition.Keys;
        Fence.AddTo(step, keys.Settled);
        var events = new List<RedisValue>();
        var reports = new List<PreparedMessage>();
        var noted = new List<RedisValue>();
        foreach (var settle in Settles)
        {
            if (settle.Aside is { } entry)
            {
                SettleStep.AddSetAside(step, keys, entry);
                continue;
            }

            if (settle.Asked is { } part)
            {
                AskStep.Add(step, keys, part);
                continue;
            }

            if (settle.Settlement is not { } settlement)
            {
                events.AddRange(settle.Events(mark).Select(e => (RedisValue)e));
                continue;
            }

            var end = settlement.Next is null ? EndOf(settlement.Lease) : UnitEnd.OneOfMany;
            if (settlement.Next is { } next)
            {
                SettleStep.AddDeferred(step, keys, settlement.Lease, next, settlement.DueAt!.Value.ToUnixTimeMilliseconds());
            }
            else
            {
                SettleStep.AddFinished(step, keys, settlement.Lease, end);
                if (end != UnitEnd.OneOfMany && _repeats.TryGetValue(settlement.Lease.Id.Message, out var repeat))
                {
                    SettleStep.AddRepeatFreed(step, repeat.Key, repeat.Value);
                }
            }

            foreach (var note in Partition.Dots.NotesOf(settlement.Lease.Id))
            {
                noted.Add(note);
            }

            events.AddRange(EventsOf(settle, mark, ends: settlement.Next is null && end != UnitEnd.OneOfMany));
            reports.AddRange(settle.Reports(mark));
        }

        if (reports.Count > 0)
        {
            AcceptStep.Add(step, keys, reports);
        }

        if (noted.Count > 0)
        {
            SettleStep.AddDotsGone(step, keys, [.. noted]);
        }

        if (events.Count > 0)
        {
            SettleStep.AddEvents(step, keys, [.. events]);
        }
    }

    /// <summary>The events of a unit that came to its end, as they go into the outbox; to be asked once after each reading.</summary>
    public IEnumerable<RedisValue> EndOf(PendingSettle settle, int mark) =>
        EventsOf(settle, mark, ends: EndOf(settle.Settlement!.Lease) != UnitEnd.OneOfMany);

    private UnitEnd EndOf(Lease lease)
    {
        if (!_open.TryGetValue(lease.Id.Message, out var open))
        {
            return UnitEnd.Only;
        }

        open.Remove(lease.Id.Number);
        return open.Count == 0 ? UnitEnd.Last : UnitEnd.OneOfMany;
    }

    /// <summary>As they go into the outbox. The last of them may be the message's end.</summary>
    private static IEnumerable<RedisValue> EventsOf(PendingSettle settle, int mark, bool ends)
    {
        var told = settle.Events(mark);
        for (var i = 0; i < told.Count; i++)
        {
            EventRecord.SetEnds(told[i], ends && i == told.Count - 1);
            yield return told[i];
        }
    }
}
