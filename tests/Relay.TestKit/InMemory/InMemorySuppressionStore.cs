using System.Collections.Concurrent;
using System.Globalization;
using Relay.Mail.Queue;
using Relay.Mail.Suppressions;
using Relay.Smtp.Addresses;

namespace Relay.TestKit.InMemory;

/// <summary>Suppressions in memory.</summary>
public sealed class InMemorySuppressionStore : ISuppressionStore
{
    private readonly ConcurrentDictionary<(string Account, string Address), Suppression> _held = new();
    private readonly ConcurrentDictionary<(string Account, string Address), Suppression> _released = new();

    private int _looks;

    /// <summary>While set, every look throws it.</summary>
    public StoreUnavailableException? Refusal { get; set; }

    /// <summary>How often an address was looked for.</summary>
    public int Looks => Volatile.Read(ref _looks);

    public ValueTask<Suppression?> FindAsync(string account, EnvelopeAddress address, CancellationToken cancellation)
    {
        Interlocked.Increment(ref _looks);
        return Refusal is { } refusal
            ? ValueTask.FromException<Suppression?>(refusal)
            : ValueTask.FromResult(_held.GetValueOrDefault((account, Suppression.KeyOf(address))));
    }

    public ValueTask<Suppression?> FindReleasedAsync(string account, EnvelopeAddress address, CancellationToken cancellation) =>
        ValueTask.FromResult(_released.GetValueOrDefault((account, Suppression.KeyOf(address))));

    public ValueTask<int> AddAsync(string account, IReadOnlyList<Suppression> suppressions, CancellationToken cancellation) =>
        ValueTask.FromResult(suppressions.Count(each => !WasReleasedSince(account, each) && _held.TryAdd((account, each.Address), each)));

    public ValueTask<bool> ReleaseAsync(string account, EnvelopeAddress address, string by, DateTimeOffset now, CancellationToken cancellation)
    {
        var key = (account, Suppression.KeyOf(address));
        if (!_held.TryRemove(key, out var held))
        {
            return ValueTask.FromResult(false);
        }

        _released[key] = held with { ReleasedAt = now, ReleasedBy = by };
        return ValueTask.FromResult(true);
    }

    public ValueTask<SuppressionPage> ListAsync(string account, string? cursor, int limit, CancellationToken cancellation)
    {
        var from = cursor is null ? 0 : int.Parse(cursor, NumberStyles.None, CultureInfo.InvariantCulture);
        var all = _held.Where(entry => entry.Key.Account == account).Select(entry => entry.Value).OrderBy(s => s.Address, StringComparer.Ordinal).ToList();
        var next = from + limit < all.Count ? (from + limit).ToString(CultureInfo.InvariantCulture) : null;
        return ValueTask.FromResult(new SuppressionPage([.. all.Skip(from).Take(limit)], next));
    }

    private bool WasReleasedSince(string account, Suppression suppression) =>
        suppression.Reason != SuppressionReason.Manual
        && _released.TryGetValue((account, suppression.Address), out var released) && released.ReleasedAt >= suppression.Since;
}
