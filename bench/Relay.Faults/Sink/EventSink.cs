using System.Text.Json;
using Relay.Faults.Checking;
using Relay.Faults.Ledgers;

namespace Relay.Faults.Sink;

/// <summary>The program behind a webhook for events: remembers, in the order in which they came, those that it took.</summary>
internal sealed class EventSink(int port) : HookSink(port)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, List<TakenEvent>> _taken = [];
    private readonly HashSet<string> _ids = [];
    private int _doubles;

    /// <summary>Taken with an id that was taken before.</summary>
    public int Doubles => Volatile.Read(ref _doubles);

    /// <summary>Messages of which something was taken.</summary>
    public int Messages
    {
        get
        {
            lock (_lock)
            {
                return _taken.Count;
            }
        }
    }

    protected override bool KeepsAlive => true;

    protected override void Look(string id, byte[] body, int number, HookAct act)
    {
        if (act == HookAct.Fail)
        {
            return;
        }

        var happened = JsonElement.Parse(body);
        var data = happened.GetProperty("data");
        var message = data.GetProperty("id").GetString()!;
        var recipient = data.TryGetProperty("recipient", out var given) ? given.GetString() : null;
        lock (_lock)
        {
            if (!_ids.Add(id))
            {
                Interlocked.Increment(ref _doubles);
                return;
            }

            if (!_taken.TryGetValue(message, out var events))
            {
                _taken[message] = events = [];
            }

            events.Add(new TakenEvent(happened.GetProperty("type").GetString()!, recipient));
        }
    }

    /// <summary>What was taken against what the timelines of the account's messages tell: all of it, in its order, and nothing of anybody else's.</summary>
    public IEnumerable<Finding> Compare(IReadOnlyCollection<IGrouping<string, Told>> timelines)
    {
        Dictionary<string, List<TakenEvent>> all;
        lock (_lock)
        {
            all = new(_taken);
        }

        foreach (var timeline in timelines)
        {
            var told = timeline.Select(each => new TakenEvent(each.Type, each.Recipient)).ToList();
            var taken = all.GetValueOrDefault(timeline.Key) ?? [];
            all.Remove(timeline.Key);
            if (!told.SequenceEqual(taken))
            {
                yield return new Finding("F16", timeline.Key, $"its timeline is [{string.Join(", ", told)}], and the webhook took [{string.Join(", ", taken)}]");
            }
        }

        foreach (var strange in all.Keys)
        {
            yield return new Finding("F16", strange, "the webhook took events of a message that its account does not have");
        }
    }

    private sealed record TakenEvent(string Type, string? Recipient)
    {
        public override string ToString() => Recipient is null ? Type : $"{Type} {Recipient}";
    }
}
