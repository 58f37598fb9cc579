using System.Collections.Concurrent;
using System.Globalization;
using Relay.Mail.Queue;
using Relay.Mail.Suppressions;
using Relay.Smtp.Addresses;

namespace Relay.TestKit.InMemory;

/// <summary>Suppressions in memory.</summary>
public sealed class InMemorySuppressionStore : ISuppressionStore, ISuppressionNews
{
    private readonly ConcurrentDictionary<(string Account, string Address, string? Stream), Suppression> _held = new();
    private readonly ConcurrentDictionary<(string Account, string Address, string? Stream), Suppression> _released = new();

    private readonly ConcurrentDictionary<(string Account, string Stream), bool> _streams = new();

    private int _looks;
    private int _wholeLooks;

    public event Action<string, IReadOnlyList<string>>? Suppressed;

    public event Action? Missed;

    /// <summary>While set, every look throws it.</summary>
    public StoreUnavailableException? Refusal { get; set; }

    /// <summary>While set, a list that goes on throws it.</summary>
    public StoreUnavailableException? RefusalBehindFirstPage { get; set; }

    /// <summary>While set, every look waits for it.</summary>
    public Task? Hold { get; set; }

    /// <summary>How often an address was looked for.</summary>
    public int Looks => Volatile.Read(ref _looks);

    /// <summary>How often all that holds for an address was asked for.</summary>
    public int WholeLooks => Volatile.Read(ref _wholeLooks);

    public async ValueTask<Suppression?> FindAsync(string account, EnvelopeAddress address, string? stream, CancellationToken cancellation)
    {
        Interlocked.Increment(ref _looks);
        if (Hold is { } hold)
        {
            await hold.WaitAsync(cancellation);
        }

        var key = Suppression.KeyOf(address);
        return Refusal is { } refusal
            ? throw refusal
            : _held.GetValueOrDefault((account, key, null)) ?? _held.GetValueOrDefault((account, key, stream));
    }

    public ValueTask<IReadOnlyList<Suppression>> FindBothAsync(string account, EnvelopeAddress address, string? stream, CancellationToken cancellation)
    {
        string?[] streams = stream is null ? [null] : [null, stream];
        return ValueTask.FromResult<IReadOnlyList<Suppression>>(
            [.. streams.Select(each => _held.GetValueOrDefault((account, Suppression.KeyOf(address), each))).OfType<Suppression>()]);
    }

    public ValueTask<IReadOnlySet<string>> ListStreamsAsync(string account, CancellationToken cancellation) =>
        ValueTask.FromResult<IReadOnlySet<string>>(_streams.Keys.Where(known => known.Account == account).Select(known => known.Stream).ToHashSet());

    public ValueTask<IReadOnlyList<Suppression>> FindAllAsync(string account, EnvelopeAddress address, CancellationToken cancellation)
    {
        Interlocked.Increment(ref _wholeLooks);
        return ValueTask.FromResult(AllOf(_held, account, address));
    }

    public ValueTask<IReadOnlyList<Suppression>> FindReleasedAsync(string account, EnvelopeAddress address, CancellationToken cancellation) =>
        ValueTask.FromResult(AllOf(_released, account, address));

    public ValueTask<int> AddAsync(string account, IReadOnlyList<Suppression> suppressions, CancellationToken cancellation)
    {
        List<string> added =
        [
            .. suppressions.Where(each => !WasReleasedSince(account, each) && TryHold((account, each.Address, each.Stream), each))
                .Select(each => each.Address),
        ];
        if (_streams.Keys.Count(known => known.Account == account) < ISuppressionStore.MostStreams)
        {
            foreach (var stream in suppressions.Select(each => each.Stream).OfType<string>())
            {
                _streams[(account, stream)] = true;
            }
        }

        if (!IsUnheard)
        {
            Suppressed?.Invoke(account, added);
        }

        return ValueTask.FromResult(added.Count);
    }

    /// <summary>Nobody hears what is added.</summary>
    public bool IsUnheard { get; set; }

    public void TellMissed() => Missed?.Invoke();

    public ValueTask<bool> ReleaseAsync(
        string account, EnvelopeAddress address, string? stream, string by, DateTimeOffset now, CancellationToken cancellation)
    {
        var key = (account, Suppression.KeyOf(address), stream);
        if (!_held.TryRemove(key, out var held))
        {
            return ValueTask.FromResult(false);
        }

        _released[key] = held with { ReleasedAt = now, ReleasedBy = by };
        return ValueTask.FromResult(true);
    }

    public ValueTask<SuppressionPage> ListAsync(string account, string? cursor, int limit, CancellationToken cancellation)
    {
        if (cursor is not null && RefusalBehindFirstPage is { } refusal)
        {
            throw refusal;
        }

        var from = cursor is null ? 0 : int.Parse(cursor, NumberStyles.None, CultureInfo.InvariantCulture);
        var all = _held.Where(entry => entry.Key.Account == account).Select(entry => entry.Value).OrderBy(s => s.Address, StringComparer.Ordinal).ThenBy(s => s.Stream, StringComparer.Ordinal).ToList();
        var next = from + limit < all.Count ? (from + limit).ToString(CultureInfo.InvariantCulture) : null;
        return ValueTask.FromResult(new SuppressionPage([.. all.Skip(from).Take(limit)], next));
    }

    private static IReadOnlyList<Suppression> AllOf(
        ConcurrentDictionary<(string Account, string Address, string? Stream), Suppression> entries, string account, EnvelopeAddress address) =>
    [
        .. entries.Where(entry => entry.Key.Account == account && entry.Key.Address == Suppression.KeyOf(address))
            .Select(entry => entry.Value).OrderBy(s => s.Stream, StringComparer.Ordinal),
    ];

    private bool TryHold((string Account, string Address, string? Stream) key, Suppression suppression) =>
        _held.TryAdd(key, suppression)
        || (_held.TryGetValue(key, out var known) && suppression.Outweighs(known)
            && _held.TryUpdate(key, suppression.InPlaceOf(known), known));

    private bool WasReleasedSince(string account, Suppression suppression) =>
        suppression.Reason != SuppressionReason.Manual
        && _released.TryGetValue((account, suppression.Address, suppression.Stream), out var released) && released.ReleasedAt >= suppression.Since;
}
