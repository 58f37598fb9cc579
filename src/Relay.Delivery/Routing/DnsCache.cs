using System.Collections.Concurrent;

namespace Relay.Delivery.Routing;

/// <summary>Answers of one type by name, each until its time is over. Who asks while the question is out waits for the same answer.</summary>
internal sealed class DnsCache<T>(TimeProvider time)
{
    // Bounds the memory of a run to millions of domains: some megabytes.
    private const int MaxNames = 20_000;

    private readonly ConcurrentDictionary<string, Lazy<Task<DnsAnswer<T>>>> _answers = new(StringComparer.Ordinal);

    public ValueTask<DnsAnswer<T>> GetAsync(string name, Func<string, Task<DnsAnswer<T>>> ask, CancellationToken cancellation)
    {
        if (!_answers.TryGetValue(name, out var entry) || IsOver(entry.Value))
        {
            if (entry is not null)
            {
                // Only this very entry: another may have asked again already.
                _answers.TryRemove(KeyValuePair.Create(name, entry));
            }

            MakeRoom();
            entry = _answers.GetOrAdd(name, static (n, a) => new Lazy<Task<DnsAnswer<T>>>(() => a(n)), ask);
        }

        return entry.Value is { IsCompletedSuccessfully: true } answer
            ? new ValueTask<DnsAnswer<T>>(answer.Result)
            : new ValueTask<DnsAnswer<T>>(entry.Value.WaitAsync(cancellation));
    }

    /// <summary>The answer that is at hand, be it out of date; null where there is none.</summary>
    public DnsAnswer<T>? Peek(string name) =>
        _answers.TryGetValue(name, out var entry) && entry is { IsValueCreated: true, Value.IsCompletedSuccessfully: true } ? entry.Value.Result : null;

    /// <summary>The next to ask hears a new answer. A question that is out already is new enough.</summary>
    public void Forget(string name)
    {
        if (_answers.TryGetValue(name, out var entry) && entry is { IsValueCreated: true, Value.IsCompleted: true })
        {
            _answers.TryRemove(KeyValuePair.Create(name, entry));
        }
    }

    private bool IsOver(Task<DnsAnswer<T>> answer) =>
        answer.IsCompleted && (!answer.IsCompletedSuccessfully || answer.Result.Until <= time.GetUtcNow());

    private void MakeRoom()
    {
        if (_answers.Count < MaxNames)
        {
            return;
        }

        foreach (var entry in _answers)
        {
            if (entry.Value.IsValueCreated && IsOver(entry.Value.Value))
            {
                _answers.TryRemove(entry);
            }
        }

        if (_answers.Count >= MaxNames)
        {
            _answers.Clear();
        }
    }
}
