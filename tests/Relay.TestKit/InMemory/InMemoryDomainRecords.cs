using System.Collections.Concurrent;
using Relay.Mail.Domains;

namespace Relay.TestKit.InMemory;

/// <summary>What domains publish, in memory. A name that nobody wrote has no records.</summary>
public sealed class InMemoryDomainRecords : IDomainRecords
{
    private readonly ConcurrentDictionary<(string Name, RecordType Type), string[]?> _records = new();
    private readonly ConcurrentDictionary<string, string> _aliases = new();

    /// <summary>The texts of a name; null is a name server that does not answer.</summary>
    public string[]? this[string name]
    {
        set => Put(name, RecordType.Txt, value);
    }

    public void Put(string name, RecordType type, params string[]? values) => _records[(name, type)] = values;

    public void Alias(string name, string target) => _aliases[name] = target;

    /// <summary>While set, no question is answered.</summary>
    public TaskCompletionSource? Silence { get; set; }

    /// <summary>Nothing is learned of any name: our own resolver is dead.</summary>
    public bool IsAway { get; set; }

    /// <summary>While set, a question about this name ends in a fault of ours.</summary>
    public string? Breaking { get; set; }

    /// <summary>While set, no question about this name or one that ends in it is answered.</summary>
    public string? Silent { get; set; }

    /// <summary>The names for which that was so.</summary>
    public ConcurrentQueue<string> Unanswered { get; } = new();

    public void Clear() => _records.Clear();

    public async ValueTask<IReadOnlyList<string>> FindAsync(string name, RecordType type, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        if (IsAway)
        {
            throw new DomainRecordsUnavailableException("no server could be reached");
        }

        if (Breaking is not null && name.EndsWith(Breaking, StringComparison.Ordinal))
        {
            throw new ArgumentException(Breaking);
        }

        if (Silent is not null && name.EndsWith(Silent, StringComparison.Ordinal))
        {
            Unanswered.Enqueue(name);
            await Task.Delay(Timeout.Infinite, cancellation);
        }

        if (Silence is { } silence)
        {
            await silence.Task.WaitAsync(cancellation);
        }

        var owner = _aliases.GetValueOrDefault(name, name);
        return _records.TryGetValue((owner, type), out var values)
            ? values ?? throw new DomainRecordsUnavailableException("no answer")
            : [];
    }

    public async ValueTask<PublishedAnswers> CompareAsync(string name, RecordType type, CancellationToken cancellation) =>
        new([new ServerAnswer("", await FindAsync(name, type, cancellation))], _aliases.GetValueOrDefault(name));
}
