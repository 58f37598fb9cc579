using Relay.Mail.Policies;

namespace Relay.TestKit.InMemory;

public sealed class InMemoryTlsReportStore(TimeProvider time) : ITlsReportStore
{
    private readonly Lock _lock = new();
    private readonly Dictionary<(DateOnly, string), Dictionary<string, IReadOnlyList<TlsPolicyTotals>>> _counted = [];
    private readonly Dictionary<(DateOnly, string), HashSet<string>> _sent = [];
    private readonly HashSet<(DateOnly Day, string Domain)> _open = [];
    private readonly Dictionary<(DateOnly, string), DateTimeOffset> _takenUntil = [];
    private readonly HashSet<(DateOnly, string)> _ended = [];

    public ValueTask WriteAsync(DateOnly day, string domain, string source, IReadOnlyList<TlsPolicyTotals> totals, CancellationToken cancellation)
    {
        lock (_lock)
        {
            if (!_counted.TryGetValue((day, domain), out var counted))
            {
                _counted[(day, domain)] = counted = [];
            }

            counted[source] = totals;
            _open.Add((day, domain));
        }

        return ValueTask.CompletedTask;
    }

    public ValueTask<IReadOnlyList<string>> FindDomainsAsync(DateOnly day, CancellationToken cancellation)
    {
        lock (_lock)
        {
            return ValueTask.FromResult<IReadOnlyList<string>>([.. _open.Where(o => o.Day == day).Select(o => o.Domain)]);
        }
    }

    public ValueTask<TlsDay?> TryTakeAsync(DateOnly day, string domain, TimeSpan atMost, CancellationToken cancellation)
    {
        lock (_lock)
        {
            if (_ended.Contains((day, domain)) || _takenUntil.GetValueOrDefault((day, domain)) > time.GetUtcNow() || !_counted.TryGetValue((day, domain), out var counted))
            {
                return ValueTask.FromResult<TlsDay?>(null);
            }

            _takenUntil[(day, domain)] = time.GetUtcNow() + atMost;
            return ValueTask.FromResult<TlsDay?>(new TlsDay([.. counted.Values.SelectMany(c => c)], _sent.GetValueOrDefault((day, domain))?.ToHashSet() ?? []));
        }
    }

    public ValueTask NoteSentAsync(DateOnly day, string domain, string place, CancellationToken cancellation)
    {
        lock (_lock)
        {
            if (!_sent.TryGetValue((day, domain), out var sent))
            {
                _sent[(day, domain)] = sent = [];
            }

            sent.Add(place);
        }

        return ValueTask.CompletedTask;
    }

    public ValueTask EndAsync(DateOnly day, string domain, CancellationToken cancellation)
    {
        lock (_lock)
        {
            _ended.Add((day, domain));
            _open.Remove((day, domain));
        }

        return ValueTask.CompletedTask;
    }
}
