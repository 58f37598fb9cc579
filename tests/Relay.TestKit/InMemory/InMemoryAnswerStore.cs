using System.Collections.Concurrent;
using Relay.Mail.Accounts;

namespace Relay.TestKit.InMemory;

/// <summary>Answers to repeated requests, in memory.</summary>
public sealed class InMemoryAnswerStore(TimeProvider time) : IAnswerStore
{
    private readonly ConcurrentDictionary<(string Account, string Name), Entry> _entries = new();

    /// <summary>All that is kept, as it is kept.</summary>
    public IEnumerable<byte[]> Answers => _entries.Values.Select(entry => entry.Answer).OfType<byte[]>();

    /// <summary>As if nothing had ever been answered.</summary>
    public void Clear() => _entries.Clear();

    public ValueTask<KeptAnswer?> TryBeginAsync(string account, string name, Guid run, TimeSpan kept, CancellationToken cancellation)
    {
        var now = time.GetUtcNow();
        var known = _entries.AddOrUpdate(
            (account, name),
            _ => new Entry(run, null, now + kept),
            (_, entry) => entry.Until > now ? entry : new Entry(run, null, now + kept));
        return ValueTask.FromResult(known.Run == run ? null : new KeptAnswer(known.Answer is { } answer ? answer.AsMemory() : (ReadOnlyMemory<byte>?)null));
    }

    public ValueTask FinishAsync(string account, string name, Guid run, ReadOnlyMemory<byte> answer, TimeSpan kept, CancellationToken cancellation)
    {
        var now = time.GetUtcNow();
        if (_entries.TryGetValue((account, name), out var known) && known.Run == run && known.Until > now)
        {
            _entries.TryUpdate((account, name), new Entry(run, answer.ToArray(), now + kept), known);
        }

        return ValueTask.CompletedTask;
    }

    public ValueTask GiveUpAsync(string account, string name, Guid run, CancellationToken cancellation)
    {
        if (_entries.TryGetValue((account, name), out var known) && known is { Answer: null } && known.Run == run)
        {
            _entries.TryRemove(KeyValuePair.Create((account, name), known));
        }

        return ValueTask.CompletedTask;
    }

    private sealed record Entry(Guid Run, byte[]? Answer, DateTimeOffset Until);
}
