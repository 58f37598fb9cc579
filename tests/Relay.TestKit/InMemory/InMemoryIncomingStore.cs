using Relay.Mail.Events;
using Relay.Mail.Incoming;
using Relay.Mail.Messages;
using Relay.Mail.Queue;

namespace Relay.TestKit.InMemory;

/// <summary>What the world tells, in memory, beside the queue that its reports go into.</summary>
public sealed class InMemoryIncomingStore(InMemoryMailQueue queue) : IIncomingStore
{
    private readonly Lock _lock = new();
    private readonly HashSet<(MessageId, MailEventType, string?)> _told = [];
    private readonly List<Telling> _tellings = [];
    private readonly List<AsideMail> _aside = [];

    /// <summary>While set, every write is answered with it.</summary>
    public TellResult? Refusal { get; set; }

    /// <summary>Each runs once, before a write.</summary>
    public Queue<Action> BeforeTelling { get; } = new();

    public IReadOnlyList<Telling> Tellings
    {
        get
        {
            lock (_lock)
            {
                return [.. _tellings];
            }
        }
    }

    public ValueTask<MessageActivity?> FindAsync(MessageId id, CancellationToken cancellation) => ValueTask.FromResult(queue.Activity.Find(id));

    public async ValueTask<TellResult> TellAsync(Telling telling, CancellationToken cancellation)
    {
        if (BeforeTelling.TryDequeue(out var before))
        {
            before();
        }

        if (Refusal is { } refusal)
        {
            return refusal;
        }

        lock (_lock)
        {
            if (telling.Events.Any(e => _told.Contains((e.Message, e.Type, e.Recipient))))
            {
                return TellResult.ToldBefore;
            }

            _told.UnionWith(telling.Events.Select(e => (e.Message, e.Type, e.Recipient)));
            _tellings.Add(telling);
        }

        foreach (var happened in telling.Events)
        {
            queue.Activity.Add(happened);
        }

        foreach (var report in telling.Reports)
        {
            await queue.EnqueueAsync(report, null, cancellation);
        }

        return TellResult.Told;
    }

    public ValueTask KeepAsideAsync(AsideMail mail, CancellationToken cancellation)
    {
        lock (_lock)
        {
            if (Refusal is TellResult.StoreFull or TellResult.StoreUnavailable)
            {
                throw new StoreUnavailableException("the store is told to refuse", Refusal == TellResult.StoreFull);
            }

            _aside.Insert(0, mail);
            var alike = _aside.Where(m => (m.About is null) == (mail.About is null)).ToList();
            if (alike.Count > AsideMail.Most)
            {
                _aside.Remove(alike[^1]);
            }
        }

        return ValueTask.CompletedTask;
    }

    public ValueTask<IReadOnlyList<AsideMail>> ListAsideAsync(CancellationToken cancellation)
    {
        lock (_lock)
        {
            return ValueTask.FromResult<IReadOnlyList<AsideMail>>([.. _aside]);
        }
    }
}
